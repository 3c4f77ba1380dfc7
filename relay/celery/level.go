package celery

import "destring/rules/event"

// level reads the name of a level: Python's, loguru's, structlog's, syslog's, in any case, and the
// numbers of Python's logging.
func level(b []byte) event.Level {
	if len(b) < 2 || len(b) > 13 {
		return event.LevelNone
	}
	var room [13]byte
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			c -= 32
		}
		room[i] = c
	}
	switch string(room[:len(b)]) {
	case "INFO", "INF", "SUCCESS", "NOTICE", "20", "25", "INFORMATION", "INFORMATIONAL":
		return event.LevelInfo
	case "WARNING", "WARN", "WRN", "30":
		return event.LevelWarning
	case "ERROR", "ERRO", "ERR", "40", "EXCEPTION":
		return event.LevelError
	case "DEBUG", "DEBU", "TRACE", "10", "DBG", "5":
		return event.LevelDebug
	case "CRITICAL", "CRIT", "CRT", "FATAL", "50", "ALERT", "EMERG":
		return event.LevelCritical
	}
	return event.LevelNone
}

// severity reads a level of syslog, as GELF writes it.
func severity(b []byte) event.Level {
	if len(b) != 1 {
		return event.LevelNone
	}
	switch b[0] {
	case '0', '1', '2':
		return event.LevelCritical
	case '3':
		return event.LevelError
	case '4':
		return event.LevelWarning
	case '5', '6':
		return event.LevelInfo
	case '7':
		return event.LevelDebug
	}
	return event.LevelNone
}
