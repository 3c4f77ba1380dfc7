// Package repr walks over Python reprs and JSON as they stand in log lines:
// nested in each other, cut short, or not quite either.
//
// One Reader reads both, for they differ in little that matters to a log: the
// constants, the quotes, a few escapes. It gives values, one Token each, with the
// byte offsets of the value, of its text without quotes and of the key it belongs
// to, so that what was found can be cut out of the line. It copies nothing.
//
//	{'user': 'ann', 'card': Card(number='4111…', cvv=7)}
//
// gives Open(dict), String key user, Open(call Card) key card, String key
// number, Number key cvv, Close, Close.
//
// What it understands beside plain literals: bytes and string prefixes; calls with
// fields, as dataclasses, pydantic models, named tuples, exceptions, datetime, Decimal,
// OrderedDict print themselves; <object at 0x…> and <Model: name field='x'>;
// a='x' b='y' without a call (pydantic's str); unquoted keys; and the three dots
// that Celery's saferepr leaves where it cut at 1,024 characters.
//
// The input is a sender's. Nothing is recursive, nesting is kept in a fixed stack of
// MaxDepth, every call of Next moves forward and never looks back, so time is linear
// in the input whatever it holds.
//
// Measured (BenchmarkReader, one core of a shared AMD EPYC): 270 bytes of nested kwargs in
// 550 ns, 490 MB/s, no allocation.
package repr
