import Button from '@cloudscape-design/components/button'
import Container from '@cloudscape-design/components/container'
import Header from '@cloudscape-design/components/header'
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs'
import type { Part } from '../wizard/summary'

// Summary shows a part of a service, with a button to change it.
export function Summary({ part, edit }: { part: Part; edit?: () => void }) {
  return (
    <Container
      header={
        <Header
          variant="h2"
          actions={
            edit && (
              <Button onClick={edit} ariaLabel={`Edit ${part.title.toLowerCase()}`}>
                Edit
              </Button>
            )
          }
        >
          {part.title}
        </Header>
      }
    >
      <KeyValuePairs columns={3} items={part.lines.map(({ label, value }) => ({ label, value: value || '–' }))} />
    </Container>
  )
}
