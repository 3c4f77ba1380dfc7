package redact

// Class says what kind of thing a detector finds.
type Class uint8

// Classes.
const (
	Credential Class = iota + 1 // whoever reads it can act as somebody else
	Personal                    // it names or describes a person
	Integrity                   // the text tried to look like our own marks
)

var classNames = [...]string{"", "credential", "personal", "integrity"}

// String returns the published name.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "unknown"
}

// Severity orders findings with the words of Sigma; its values are those of rules.Severity.
type Severity uint8

// Severities, lowest first.
const (
	Informational Severity = iota
	Low
	Medium
	High
	Critical
)

// Detector describes one detector of the closed set.
type Detector struct {
	Name     string
	Class    Class
	Severity Severity
	// Fingerprint is set when the values have so much entropy that nobody can guess one
	// and compare: only those carry a keyed hash by default.
	Fingerprint bool
	// Soft kinds are the personal data that many operators need to see (client addresses, names).
	Soft bool
}

// detectorID is an index into Redactor.detectors.
type detectorID uint16

// Our own detectors. The vendor rules follow them.
const (
	detNone detectorID = iota
	detPassword
	detPasswordHash
	detSecret
	detURLPassword
	detURLToken
	detBearer
	detBasic
	detCookie
	detJWT
	detPrivateKey
	detOTPSeed
	detPIN
	detSignature
	detWebhook
	detAuthHeader
	detRecoveryPhrase
	detRemembered
	detContinued
	detTooDeep
	detPickle
	detEmail
	detPhone
	detCard
	detIBAN
	detSSN
	detNationalID
	detPassport
	detHealthID
	detBankAccount
	detName
	detBirthDate
	detAddress
	detIP
	detForeignMark
	detOwnEnd
)

var ownDetectors = [detOwnEnd]Detector{
	detPassword:       {Name: "password", Class: Credential, Severity: High},
	detPasswordHash:   {Name: "password-hash", Class: Credential, Severity: High},
	detSecret:         {Name: "secret", Class: Credential, Severity: High, Fingerprint: true},
	detURLPassword:    {Name: "url-password", Class: Credential, Severity: High},
	detURLToken:       {Name: "url-token", Class: Credential, Severity: High, Fingerprint: true},
	detBearer:         {Name: "bearer-token", Class: Credential, Severity: High, Fingerprint: true},
	detBasic:          {Name: "basic-auth", Class: Credential, Severity: High},
	detCookie:         {Name: "cookie", Class: Credential, Severity: High, Fingerprint: true},
	detJWT:            {Name: "jwt", Class: Credential, Severity: High, Fingerprint: true},
	detPrivateKey:     {Name: "private-key", Class: Credential, Severity: Critical, Fingerprint: true},
	detOTPSeed:        {Name: "otp-seed", Class: Credential, Severity: High},
	detPIN:            {Name: "pin", Class: Credential, Severity: High},
	detSignature:      {Name: "signature", Class: Credential, Severity: Medium, Fingerprint: true},
	detWebhook:        {Name: "webhook-url", Class: Credential, Severity: High, Fingerprint: true},
	detAuthHeader:     {Name: "authorization", Class: Credential, Severity: High, Fingerprint: true},
	detRecoveryPhrase: {Name: "recovery-phrase", Class: Credential, Severity: Critical},
	detRemembered:     {Name: "repeated-secret", Class: Credential, Severity: High},
	detContinued:      {Name: "continued-secret", Class: Credential, Severity: High},
	detTooDeep:        {Name: "nested-encoding", Class: Credential, Severity: Medium},
	detPickle:         {Name: "pickle", Class: Credential, Severity: Medium},
	detEmail:          {Name: "email", Class: Personal, Severity: Low},
	detPhone:          {Name: "phone", Class: Personal, Severity: Low},
	detCard:           {Name: "card", Class: Personal, Severity: High},
	detIBAN:           {Name: "iban", Class: Personal, Severity: Medium},
	detSSN:            {Name: "us-ssn", Class: Personal, Severity: High},
	detNationalID:     {Name: "national-id", Class: Personal, Severity: High},
	detPassport:       {Name: "passport", Class: Personal, Severity: High},
	detHealthID:       {Name: "health-id", Class: Personal, Severity: High},
	detBankAccount:    {Name: "bank-account", Class: Personal, Severity: Medium},
	detName:           {Name: "person-name", Class: Personal, Severity: Low, Soft: true},
	detBirthDate:      {Name: "birth-date", Class: Personal, Severity: Low, Soft: true},
	detAddress:        {Name: "postal-address", Class: Personal, Severity: Low, Soft: true},
	detIP:             {Name: "client-ip", Class: Personal, Severity: Low, Soft: true},
	detForeignMark:    {Name: "foreign-mark", Class: Integrity, Severity: Low},
}
