import ExpandableSection from '@cloudscape-design/components/expandable-section'
import { textOf } from './policies'

export function PolicyText({ policy }: { policy: object }) {
  return (
    <ExpandableSection headerText="What its policy says">
      <pre className="evidence" tabIndex={0} aria-label="The policy">
        {textOf(policy)}
      </pre>
    </ExpandableSection>
  )
}
