package router

import "time"

// holder is who holds a lease or waits for one.
type holder interface {
	// cut ends the holder's use of the instance. It is called under the gate's lock: it must neither
	// block nor call the gate.
	cut(l *lease, cause error)
}

// lease is one request's place in an instance, or in the queue for one. It is in one list at a
// time: the queue of its gate until it has an instance, then the list of the instance.
type lease struct {
	holder   holder
	instance *instance     // nil while waiting
	granted  chan struct{} // closed when instance or refused is set; nil if it never waited
	refused  error
	since    time.Time     // when it began to wait
	cold     bool          // no instance was awake then
	woke     time.Duration // how long it waited for one to wake or to start

	list       *leaseList
	prev, next *lease
}

// leaseList is a doubly linked list without allocations.
type leaseList struct {
	first, last *lease
	n           int
}

func (s *leaseList) pushBack(l *lease) {
	l.list, l.prev, l.next = s, s.last, nil
	if s.last != nil {
		s.last.next = l
	} else {
		s.first = l
	}
	s.last = l
	s.n++
}

func (s *leaseList) pushFront(l *lease) {
	l.list, l.prev, l.next = s, nil, s.first
	if s.first != nil {
		s.first.prev = l
	} else {
		s.last = l
	}
	s.first = l
	s.n++
}

func (s *leaseList) remove(l *lease) {
	if l.prev != nil {
		l.prev.next = l.next
	} else {
		s.first = l.next
	}
	if l.next != nil {
		l.next.prev = l.prev
	} else {
		s.last = l.prev
	}
	l.list, l.prev, l.next = nil, nil, nil
	s.n--
}

func (s *leaseList) all() []*lease {
	leases := make([]*lease, 0, s.n)
	for l := s.first; l != nil; l = l.next {
		leases = append(leases, l)
	}
	return leases
}
