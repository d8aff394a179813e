package main

import "slices"

func (p *printer) types() {
	for _, s := range p.model.structures() {
		if len(s.Members) == 0 {
			p.f("\ntype %s struct{}\n", s.goName)
			continue
		}
		p.f("\ntype %s struct {\n", s.goName)
		for _, name := range sorted(s.Members) {
			m := p.model.shape(s.Members[name])
			p.f("%s %s `json:\"%s,omitzero\"%s`\n", exported(name), p.goType(m), name, p.tags(m))
		}
		p.f("}\n")
		p.emptyLists(s)
	}
}

func (p *printer) tags(s *shape) string {
	if p.model.secret(s) {
		return ` sensitive:"true"`
	}
	return ""
}

// emptyLists makes sure that an answer carries its required lists: clients index them unasked.
func (p *printer) emptyLists(s *shape) {
	var lists []string
	for _, name := range sorted(s.Members) {
		if p.model.shape(s.Members[name]).Type == "list" && slices.Contains(s.Required, name) {
			lists = append(lists, name)
		}
	}
	if len(lists) == 0 || !p.isOutput(s) {
		return
	}
	p.f("\n// FillLists turns the required lists that are nil into empty ones.\n")
	p.f("func (v *%s) FillLists() {\n", s.goName)
	for _, name := range lists {
		p.f("if v.%[1]s == nil {\nv.%[1]s = %[2]s{}\n}\n", exported(name), p.goType(p.model.shape(s.Members[name])))
	}
	p.f("}\n")
}

func (p *printer) isOutput(s *shape) bool {
	for _, op := range p.model.Operations {
		if p.model.shape(*op.Output) == s {
			return true
		}
	}
	return false
}

func (p *printer) enums() {
	for _, name := range sorted(p.model.Shapes) {
		s := p.model.Shapes[name]
		if len(s.Enum) == 0 {
			continue
		}
		p.f("\ntype %s string\n\nconst (\n", s.goName)
		for _, value := range s.Enum {
			p.f("%s %s = %q\n", constName(s, value), s.goName, value)
		}
		p.f(")\n")
	}
}

func constName(s *shape, value string) string { return s.goName + words(value) }

// redact keeps sensitive members out of logs and messages, whichever way a value is printed.
func (p *printer) redact() {
	for _, s := range p.model.structures() {
		if !p.model.hidesSecrets(s) {
			continue
		}
		p.f("\nfunc (v %s) LogValue() slog.Value { return awsapi.Redact(v) }\n", s.goName)
		p.f("func (v %s) Format(f fmt.State, _ rune) { awsapi.FormatRedacted(f, v) }\n", s.goName)
	}
}
