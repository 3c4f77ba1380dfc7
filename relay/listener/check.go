package listener

// Check finds out whether a listener could work with s, without opening one. The error says what is
// wrong with which certificate, list or name.
func (s *Security) Check() error {
	_, err := newGuard(s)
	return err
}
