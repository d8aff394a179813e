package main

// service prints the interface of the handlers, its empty implementation, the dispatcher and the
// names of the exceptions.
func (p *printer) service() {
	ops := sorted(p.model.Operations)
	p.f("\n// Handlers is what the handlers of %s implement.\ntype Handlers interface {\n", p.model.Metadata.ServiceFullName)
	for _, op := range ops {
		p.f("%[1]s(context.Context, *%[1]sInput) (*%[1]sOutput, error)\n", op)
	}
	p.f("}\n\n// Unimplemented answers every operation with UnknownOperationException. Embed it to implement\n")
	p.f("// the Handlers step by step.\ntype Unimplemented struct{}\n\nvar _ Handlers = Unimplemented{}\n")
	for _, op := range ops {
		p.f("\nfunc (Unimplemented) %[1]s(context.Context, *%[1]sInput) (*%[1]sOutput, error) {\n", op)
		p.f("return nil, awsapi.UnknownOperation(%q)\n}\n", p.model.Metadata.TargetPrefix+"."+op)
	}
	p.dispatcher(ops)
	p.exceptions()
}

func (p *printer) dispatcher(ops []string) {
	m := p.model.Metadata
	p.f("\n// API binds handlers to their place on the wire.\nfunc API(h Handlers) awsapi.API {\n")
	p.f("return awsapi.API{\nSigningName: %q,\nTargetPrefix: %q,\nInvalid: %q,\n", m.SigningName, m.TargetPrefix, p.config.invalid)
	if p.config.fault != "" {
		p.f("Fault: %q,\n", p.config.fault)
	}
	p.f("Operations: map[string]awsapi.Operation{\n")
	for _, op := range ops {
		p.f("%q: awsapi.Op(h.%s),\n", op, op)
	}
	p.f("},\n}\n}\n")
}

func (p *printer) exceptions() {
	p.f("\n// Exceptions are the errors that the model names, with their HTTP status.\nvar Exceptions = map[string]int{\n")
	for _, name := range sorted(p.model.Shapes) {
		s := p.model.Shapes[name]
		if !s.Exception {
			continue
		}
		status := 400
		if s.Fault {
			status = 500
		}
		p.f("%q: %d,\n", name, status)
	}
	p.f("}\n")
}
