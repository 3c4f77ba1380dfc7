package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// liar is a disk in memory that keeps apart what a program sees and what a power cut leaves.
// Un-synced sectors survive a cut or not, each for itself, so in any order; so do un-synced
// names. A failed sync drops what was dirty and then calls the file clean, as Linux does.
type liar struct {
	mu       sync.Mutex
	rng      *rand.Rand
	names    map[string]*lieFile // what the program sees
	stable   map[string]*lieFile // what a cut leaves
	dirOps   []dirOp             // un-synced
	capacity int64
	locked   bool

	ops     int  // calls that change something, so far
	crashAt int  // the call after which nothing works any more; 0 is never
	half    bool // whether that call is done by half or not at all
	fail    func(op, name string) error
	dead    error // what every call returns after the crash
}

type dirOp struct {
	name string
	file *lieFile // nil: removed
}

type lieFile struct {
	data, stable []byte
	dirty        []lieWrite
}

// lieWrite is a write, or with data nil a change of size.
type lieWrite struct {
	off  int64
	data []byte
}

var errCrashed = errors.New("the machine is off")

func newLiar(seed uint64) *liar {
	return &liar{rng: rand.New(rand.NewPCG(seed, 1)), names: map[string]*lieFile{}, stable: map[string]*lieFile{}, capacity: 64 << 20}
}

// change counts a call that changes something. It returns how much of it is done, from 0 to
// 1, and the error that the caller sees.
func (d *liar) change(op, name string) (float64, error) {
	if d.dead != nil {
		return 0, d.dead
	}
	d.ops++
	if d.ops == d.crashAt {
		d.dead = fmt.Errorf("%w since %s %s", errCrashed, op, name)
		if d.half {
			return 0.5, d.dead
		}
		return 0, d.dead
	}
	if d.fail != nil {
		if err := d.fail(op, name); err != nil {
			return d.rng.Float64(), err
		}
	}
	return 1, nil
}

// crashIn turns the machine off at the n-th file call from now.
func (d *liar) crashIn(n int, half bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.crashAt, d.half = d.ops+n, half
}

// off returns why the machine is off, nil when it is on.
func (d *liar) off() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dead
}

// failBy lets fail choose which calls fail; nil ends that.
func (d *liar) failBy(fail func(op, name string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = fail
}

// reboot returns the disk as the next process finds it: after a kill all that was written,
// after a power cut what was synced and some of the rest.
func (d *liar) reboot(powerCut bool) *liar {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := &liar{rng: d.rng, names: map[string]*lieFile{}, capacity: d.capacity, ops: d.ops}
	from := d.names
	if powerCut {
		from = maps.Clone(d.stable)
		for _, op := range d.dirOps {
			if d.rng.IntN(2) == 0 {
				setName(from, op)
			}
		}
	}
	for name, f := range from {
		data := slices.Clone(f.data)
		if powerCut {
			data = f.afterCut(d.rng)
		}
		n.names[name] = &lieFile{data: data, stable: slices.Clone(data)}
	}
	n.stable = maps.Clone(n.names)
	d.dead = errCrashed
	return n
}

// copy returns another disk with the same files.
func (d *liar) copy() *liar {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := newLiar(0)
	n.capacity = d.capacity
	for name, f := range d.names {
		n.names[name] = &lieFile{data: slices.Clone(f.data), stable: slices.Clone(f.data)}
	}
	n.stable = maps.Clone(n.names)
	return n
}

func setName(names map[string]*lieFile, op dirOp) {
	if op.file == nil {
		delete(names, op.name)
	} else {
		names[op.name] = op.file
	}
}

func (f *lieFile) afterCut(rng *rand.Rand) []byte {
	data := slices.Clone(f.stable)
	for _, w := range f.dirty {
		if w.data == nil {
			if rng.IntN(2) == 0 {
				data = resize(data, w.off)
			}
			continue
		}
		for i := 0; i < len(w.data); {
			n := min(len(w.data)-i, 512-int(w.off+int64(i))%512)
			if rng.IntN(2) == 0 {
				data = writeInto(data, w.data[i:i+n], w.off+int64(i))
			}
			i += n
		}
	}
	return data
}

func (f *lieFile) settle() {
	for _, w := range f.dirty {
		if w.data == nil {
			f.stable = resize(f.stable, w.off)
		} else {
			f.stable = writeInto(f.stable, w.data, w.off)
		}
	}
	f.dirty = nil
}

func resize(b []byte, n int64) []byte {
	if n <= int64(len(b)) {
		return b[:n:n]
	}
	return append(b, make([]byte, n-int64(len(b)))...)
}

func writeInto(b, p []byte, off int64) []byte {
	if end := off + int64(len(p)); end > int64(len(b)) {
		b = resize(b, end)
	}
	copy(b[off:], p)
	return b
}

func (d *liar) setName(op dirOp) {
	setName(d.names, op)
	d.dirOps = append(d.dirOps, op)
}

func (d *liar) used() (n int64) {
	for _, f := range d.names {
		n += int64(len(f.data))
	}
	return n
}

func (d *liar) list(dir string) ([]fs.FileInfo, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead != nil {
		return nil, d.dead
	}
	var infos []fs.FileInfo
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		if path.Dir(name) == dir {
			infos = append(infos, lieInfo{path.Base(name), int64(len(d.names[name].data))})
		}
	}
	return infos, nil
}

type lieInfo struct {
	name string
	size int64
}

func (i lieInfo) Name() string       { return i.name }
func (i lieInfo) Size() int64        { return i.size }
func (i lieInfo) Mode() fs.FileMode  { return fileMode }
func (i lieInfo) ModTime() time.Time { return time.Time{} }
func (i lieInfo) IsDir() bool        { return false }
func (i lieInfo) Sys() any           { return nil }

func (d *liar) open(name string) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead != nil {
		return nil, d.dead
	}
	f := d.names[name]
	if f == nil {
		return nil, fs.ErrNotExist
	}
	return &lieHandle{d, f, name}, nil
}

func (d *liar) openRead(name string) (file, error) { return d.open(name) }

func (d *liar) create(name string) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	done, err := d.change("create", name)
	if d.names[name] != nil {
		return nil, errors.Join(err, fs.ErrExist)
	}
	f := &lieFile{}
	if done > 0 {
		d.setName(dirOp{name, f})
	}
	if err != nil {
		return nil, err
	}
	return &lieHandle{d, f, name}, nil
}

func (d *liar) mkdir(string) error { return d.dead }

func (d *liar) rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	done, err := d.change("rename", from)
	f := d.names[from]
	if f == nil {
		return errors.Join(err, fs.ErrNotExist)
	}
	if done > 0 { // one change of the directory: both names or none
		delete(d.names, from)
		d.names[to] = f
		d.dirOps = append(d.dirOps, dirOp{to, f}, dirOp{from, nil})
	}
	return err
}

func (d *liar) remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	done, err := d.change("remove", name)
	if d.names[name] == nil {
		return errors.Join(err, fs.ErrNotExist)
	}
	if done > 0 {
		d.setName(dirOp{name, nil})
	}
	return err
}

func (d *liar) syncDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	done, err := d.change("syncdir", dir)
	if done == 1 {
		d.dirOps = slices.DeleteFunc(d.dirOps, func(op dirOp) bool {
			if path.Dir(op.name) != dir {
				return false
			}
			setName(d.stable, op)
			return true
		})
	}
	return err
}

func (d *liar) space() (free, total int64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return max(0, d.capacity-d.used()), d.capacity, d.dead
}

func (d *liar) lock(string) (io.Closer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead != nil {
		return nil, d.dead
	}
	if d.locked {
		return nil, ErrLocked
	}
	d.locked = true
	return unlock{d}, nil
}

type unlock struct{ d *liar }

func (u unlock) Close() error {
	u.d.mu.Lock()
	defer u.d.mu.Unlock()
	u.d.locked = false
	return nil
}

func (d *liar) close() error { return nil }

type lieHandle struct {
	d    *liar
	f    *lieFile
	name string
}

func (h *lieHandle) ReadAt(p []byte, off int64) (int, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if h.d.dead != nil {
		return 0, h.d.dead
	}
	if h.d.fail != nil {
		if err := h.d.fail("read", h.name); err != nil {
			return 0, err
		}
	}
	if off >= int64(len(h.f.data)) {
		return 0, io.EOF
	}
	n := copy(p, h.f.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *lieHandle) WriteAt(p []byte, off int64) (int, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	done, err := h.d.change("write", h.name)
	n := int(float64(len(p)) * done)
	if grown := off + int64(n) - int64(len(h.f.data)); grown > 0 && h.d.used()+grown > h.d.capacity {
		return 0, syscall.ENOSPC
	}
	if n > 0 {
		p := slices.Clone(p[:n])
		h.f.data = writeInto(h.f.data, p, off)
		h.f.dirty = append(h.f.dirty, lieWrite{off, p})
	}
	if errors.Is(err, errShort) {
		err = nil // it says nothing and has written less
	}
	return n, err
}

// errShort makes a write come back short without an error.
var errShort = errors.New("short write")

func (h *lieHandle) setSize(op string, size int64) error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	done, err := h.d.change(op, h.name)
	if done == 0 {
		return err
	}
	if grown := size - int64(len(h.f.data)); grown > 0 && h.d.used()+grown > h.d.capacity {
		return syscall.ENOSPC
	}
	h.f.data = resize(h.f.data, size)
	h.f.dirty = append(h.f.dirty, lieWrite{size, nil})
	return err
}

func (h *lieHandle) allocate(size int64) error { return h.setSize("allocate", size) }
func (h *lieHandle) truncate(size int64) error { return h.setSize("truncate", size) }

func (h *lieHandle) sync() error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	done, err := h.d.change("sync", h.name)
	switch {
	case done == 1:
		h.f.settle()
	case h.d.dead == nil: // the error is told once; what was dirty is clean now, written or not
		h.f.stable = h.f.afterCut(h.d.rng)
		h.f.dirty = nil
	}
	return err
}

func (h *lieHandle) size() (int64, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	return int64(len(h.f.data)), h.d.dead
}

func (h *lieHandle) Close() error { return nil }

// segments lists the names of the segment files, oldest first.
func (d *liar) segments() (names []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		if strings.HasSuffix(name, segmentSuffix) {
			names = append(names, name)
		}
	}
	return names
}
