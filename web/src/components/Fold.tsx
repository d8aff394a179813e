import { createContext, useContext, type ReactNode } from 'react'
import ExpandableSection from '@cloudscape-design/components/expandable-section'

// Unfolded is set where a section stands alone, and has nothing to hide.
export const Unfolded = createContext(false)

interface Props {
  title: string
  description: string
  open?: boolean
  children: ReactNode
}

// Fold is a section of a long form that shows what it has in a line, until it is opened.
export function Fold({ title, description, open = false, children }: Props) {
  if (useContext(Unfolded)) return children
  return (
    <ExpandableSection variant="container" headerText={title} headerDescription={description} defaultExpanded={open}>
      {children}
    </ExpandableSection>
  )
}
