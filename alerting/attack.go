package alerting

import "strings"

// techniqueNames are those of MITRE ATT&CK that the shipped rules are tagged with. An id that is
// not in here, of a rule of the user's, is shown without a name.
var techniqueNames = map[string]string{
	"T1005": "Data from Local System", "T1027": "Obfuscated Files or Information", "T1036": "Masquerading", "T1040": "Network Sniffing",
	"T1053": "Scheduled Task/Job", "T1059": "Command and Scripting Interpreter", "T1059.004": "Unix Shell", "T1059.006": "Python",
	"T1070": "Indicator Removal", "T1070.006": "Timestomp", "T1078": "Valid Accounts", "T1078.001": "Default Accounts",
	"T1082": "System Information Discovery", "T1083": "File and Directory Discovery", "T1110": "Brute Force", "T1136": "Create Account",
	"T1190": "Exploit Public-Facing Application", "T1210": "Exploitation of Remote Services", "T1489": "Service Stop", "T1496": "Resource Hijacking",
	"T1498": "Network Denial of Service", "T1499": "Endpoint Denial of Service", "T1499.004": "Application or System Exploitation",
	"T1505": "Server Software Component", "T1505.003": "Web Shell", "T1528": "Steal Application Access Token", "T1539": "Steal Web Session Cookie",
	"T1552": "Unsecured Credentials", "T1552.001": "Credentials In Files", "T1552.004": "Private Keys", "T1552.005": "Cloud Instance Metadata API",
	"T1553": "Subvert Trust Controls", "T1557": "Adversary-in-the-Middle", "T1565": "Data Manipulation", "T1565.001": "Stored Data Manipulation",
	"T1565.002": "Transmitted Data Manipulation", "T1567": "Exfiltration Over Web Service", "T1595": "Active Scanning",
	"T1649": "Steal or Forge Authentication Certificates",
}

// Technique is an ATT&CK technique of a rule. Name may be empty.
type Technique struct{ ID, Name string }

// Techniques returns those among the tags of a's rule: "attack.t1552.001" is T1552.001.
func (a *Alert) Techniques() (list []Technique) {
	for _, tag := range a.Match.Rule.Tags {
		digits, ok := strings.CutPrefix(strings.ToLower(tag), "attack.t")
		if ok && digits != "" && strings.Trim(digits, "0123456789.") == "" {
			list = append(list, Technique{"T" + digits, techniqueNames["T"+digits]})
		}
	}
	return list
}

// String is the id and the name.
func (t Technique) String() string { return strings.TrimSpace(t.ID + " " + t.Name) }

func (a *Alert) techniqueIDs() (ids []string) {
	for _, t := range a.Techniques() {
		ids = append(ids, t.ID)
	}
	return ids
}
