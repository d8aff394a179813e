import SpaceBetween from '@cloudscape-design/components/space-between'
import { Summary } from '../../components/Summary'
import type { Draft } from '../../wizard/draft'
import type { StepID } from '../../wizard/steps'
import { summary, type SectionID } from '../../wizard/summary'

const stepOfSection = (id: SectionID): StepID => (id === 'source' || id === 'build' ? id : 'service')

export function Review({ draft, edit }: { draft: Draft; edit: (step: StepID) => void }) {
  return (
    <SpaceBetween size="l">
      {summary(draft).map((part) => (
        <Summary key={part.section} part={part} edit={() => edit(stepOfSection(part.section))} />
      ))}
    </SpaceBetween>
  )
}
