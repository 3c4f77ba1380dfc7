package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// disk is the few file calls that the spool makes, all inside one directory. The tests put
// one that lies in its place: short writes, errors, power cuts.
type disk interface {
	list(dir string) ([]fs.FileInfo, error) // by name; dir is "." or one of our own folders
	open(name string) (file, error)         // for reading and writing; regular files only; makes the mode 0600
	openRead(name string) (file, error)     // regular files only
	create(name string) (file, error)       // mode 0600; an error when the name exists
	mkdir(name string) error                // mode 0700, also when it is there; what is no folder is renamed
	rename(from, to string) error           // replaces to
	remove(name string) error
	syncDir(dir string) error            // makes created, renamed and removed names durable
	space() (free, total int64, e error) // of the file system, in bytes
	lock(name string) (io.Closer, error)
	close() error
}

// writeAll writes b at off, whole or with an error.
func writeAll(f io.WriterAt, b []byte, off int64) error {
	n, err := f.WriteAt(b, off)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// file is an open file of a disk.
type file interface {
	io.ReaderAt
	io.WriterAt
	allocate(size int64) error // gives the file this size, with the blocks behind it
	truncate(size int64) error
	sync() error // data and size are on the disk when it returns
	size() (int64, error)
	Close() error
}

const (
	fileMode = 0o600
	dirMode  = 0o700
)

// osDisk is a directory of the operating system. os.Root keeps every name inside it, also
// against symbolic links that somebody plants; regular refuses those that stay inside.
type osDisk struct {
	root *os.Root
	dir  *os.File // the directory itself, for statfs
}

// openDisk opens dir, making it when it is not there.
func openDisk(dir string) (*osDisk, error) {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, fmt.Errorf("spool: make %s: %w", dir, err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("spool: %s is not a directory", dir)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(dir, dirMode); err != nil {
			return nil, fmt.Errorf("spool: %s has mode %04o and others can reach it; it must be 0700, and making it so failed: %w (use a folder below it)",
				dir, info.Mode().Perm(), err)
		}
	}
	return openDiskReadOnly(dir)
}

func openDiskReadOnly(dir string) (*osDisk, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	self, err := root.Open(".")
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("spool: %w", err)
	}
	return &osDisk{root, self}, nil
}

func (d *osDisk) list(dir string) ([]fs.FileInfo, error) {
	f, err := d.root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	infos := make([]fs.FileInfo, 0, len(entries))
	for _, e := range entries {
		info, err := e.Info() // lstat
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile; a read-only tool beside a running relay sees this
		}
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b fs.FileInfo) int { return strings.Compare(a.Name(), b.Name()) })
	return infos, nil
}

var errNotRegular = errors.New("not a regular file")

func (d *osDisk) openAs(name string, flag int) (file, error) {
	info, err := d.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", name, errNotRegular)
	}
	f, err := d.root.OpenFile(name, flag|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	if flag != os.O_RDONLY && info.Mode().Perm()&0o077 != 0 {
		if err := f.Chmod(fileMode); err != nil {
			f.Close()
			return nil, err
		}
	}
	return osFile{f}, nil
}

func (d *osDisk) open(name string) (file, error)     { return d.openAs(name, os.O_RDWR) }
func (d *osDisk) openRead(name string) (file, error) { return d.openAs(name, os.O_RDONLY) }

func (d *osDisk) create(name string) (file, error) {
	f, err := d.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (d *osDisk) mkdir(name string) error {
	err := d.root.Mkdir(name, dirMode)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := d.root.Lstat(name)
	if err != nil {
		return err
	}
	if !info.IsDir() { // a link, say: out of the way with it
		if err := d.root.Rename(name, name+".foreign"); err != nil {
			return err
		}
		return d.root.Mkdir(name, dirMode)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return d.root.Chmod(name, dirMode)
	}
	return nil
}

func (d *osDisk) rename(from, to string) error { return d.root.Rename(from, to) }
func (d *osDisk) remove(name string) error     { return d.root.Remove(name) }

func (d *osDisk) syncDir(dir string) error {
	f, err := d.root.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func (d *osDisk) space() (free, total int64, err error) {
	var st syscall.Statfs_t
	if err := syscall.Fstatfs(int(d.dir.Fd()), &st); err != nil {
		return 0, 0, err
	}
	return int64(st.Bavail) * st.Bsize, int64(st.Blocks) * st.Bsize, nil
}

// lock takes the lock file, which holds the process id of its owner. The kernel drops the
// lock with the process, so a file that a crash left behind locks nobody out.
func (d *osDisk) lock(name string) (io.Closer, error) {
	f, err := d.root.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, fileMode)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		owner := make([]byte, 20)
		n, _ := f.ReadAt(owner, 0)
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: process %s has it open", ErrLocked, strings.TrimSpace(string(owner[:n])))
		}
		return nil, err
	}
	if err := f.Truncate(0); err == nil {
		f.WriteAt(strconv.AppendInt(nil, int64(os.Getpid()), 10), 0) // a help for people only
	}
	return f, nil
}

func (d *osDisk) close() error { return errors.Join(d.dir.Close(), d.root.Close()) }

type osFile struct{ *os.File }

// allocate reserves the blocks, so that a full disk shows here and never in the middle of a
// frame. Where the file system cannot reserve, zeros are written.
func (f osFile) allocate(size int64) error {
	for {
		err := syscall.Fallocate(int(f.Fd()), 0, 0, size)
		switch err {
		case syscall.EINTR:
			continue
		case syscall.EOPNOTSUPP, syscall.ENOSYS:
			return f.fill(size)
		}
		return err
	}
}

func (f osFile) fill(size int64) error {
	zeros := make([]byte, min(size, 1<<20))
	for off := int64(0); off < size; off += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-off)], off); err != nil {
			return err
		}
	}
	return nil
}

func (f osFile) truncate(size int64) error { return f.Truncate(size) }

func (f osFile) sync() error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); err != syscall.EINTR {
			return err
		}
	}
}

func (f osFile) size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
