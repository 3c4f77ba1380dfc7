// Prints what destring's tests need to know of the Elastic Common Schema. Arguments: the folder of
// the npm package @elastic/ecs, then names of fields. One line a field:
// {"name":…,"type":…,"array":true,"allowed":{value: [event types]}}.
const { EcsFlat, EcsVersion } = require(process.argv[2]);
const names = [...new Set(process.argv.slice(3))].sort();
console.log(JSON.stringify({ version: EcsVersion }));
for (const name of names) {
  const f = EcsFlat[name];
  if (!f) continue;
  const fact = { name, type: f.type };
  if (f.normalize.includes('array')) fact.array = true;
  if (f.allowed_values) fact.allowed = Object.fromEntries(f.allowed_values.map((v) => [v.name, v.expected_event_types ?? []]));
  console.log(JSON.stringify(fact));
}
