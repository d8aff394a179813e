import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard'

// Command is a command line to copy.
export function Command({ children }: { children: string }) {
  return (
    <div className="command">
      <code>{children}</code>
      <CopyToClipboard
        variant="icon"
        textToCopy={children}
        copyButtonAriaLabel={`Copy ${children}`}
        copySuccessText="Copied"
        copyErrorText="The browser did not allow to copy"
      />
    </div>
  )
}
