package redact

const debugPanics = true
