import { useState } from 'react'
import Alert from '@cloudscape-design/components/alert'
import SpaceBetween from '@cloudscape-design/components/space-between'
import Wizard from '@cloudscape-design/components/wizard'
import { useLocation } from 'wouter'
import { apprunner } from '../../api/apprunner'
import { messageOf } from '../../api/error'
import { Crumbs } from '../../components/Crumbs'
import { useTitle } from '../../hooks/useTitle'
import { Build } from '../../sections/Build'
import { SourceType } from '../../sections/SourceType'
import { Trigger } from '../../sections/Trigger'
import type { Draft, Errors } from '../../wizard/draft'
import { fieldOf } from '../../wizard/fieldof'
import { toCreate } from '../../wizard/request'
import { checked, stepOf, stepsOf, type StepID } from '../../wizard/steps'
import { forgetDraft, useDraft } from '../../wizard/store'
import { validate } from '../../wizard/validate'
import { ConfigureService } from './ConfigureService'
import { Review } from './Review'

const titles: Record<StepID, string> = {
  source: 'Source and deployment',
  build: 'Configure build',
  service: 'Configure service',
  review: 'Review and create',
}

export default function CreateService() {
  useTitle('Create service')
  const [, go] = useLocation()
  const { draft, step, change, goTo } = useDraft()
  const [errors, setErrors] = useState<Errors>({})
  const [failure, setFailure] = useState<string>()
  const [busy, setBusy] = useState(false)
  const steps = stepsOf(draft)
  const at = Math.min(step, steps.length - 1)

  const edit = (patch: Partial<Draft>) => {
    change(patch)
    // What is changed is not wrong any more, before it is checked again.
    setErrors((old) => Object.fromEntries(Object.entries(old).filter(([name]) => !Object.keys(patch).some((field) => name === field || name.startsWith(`${field}.`)))))
  }
  const navigate = (to: number) => {
    const passed = steps.slice(at, to)
    const found = validate(draft, passed.flatMap((id) => [...checked(draft, id)]))
    setErrors(found)
    setFailure(undefined)
    const first = passed.findIndex((id) => checked(draft, id).some((field) => Object.keys(found).some((name) => name.split('.')[0] === field)))
    goTo(first < 0 ? to : at + first)
  }
  const create = async () => {
    setBusy(true)
    setFailure(undefined)
    try {
      await apprunner().createService(toCreate(draft))
      forgetDraft()
      go(`/services/${draft.name}`)
    } catch (error) {
      const message = messageOf(error)
      const field = fieldOf(message)
      setFailure(message)
      setErrors(field ? { [field]: message } : {})
      if (field) goTo(steps.indexOf(stepOf(draft, field)))
    } finally {
      setBusy(false)
    }
  }
  const section = { draft, errors, change: edit }
  const contents: Record<StepID, React.ReactNode> = {
    source: (
      <SpaceBetween size="l">
        <SourceType {...section} />
        <Trigger {...section} />
      </SpaceBetween>
    ),
    build: <Build {...section} />,
    service: <ConfigureService {...section} />,
    review: <Review draft={draft} edit={(id) => navigate(steps.indexOf(id))} />,
  }
  return (
    <SpaceBetween size="l">
      <Crumbs items={[{ text: 'Services', href: '/services' }, { text: 'Create service', href: '/services/create' }]} />
      {failure && (
        <Alert type="error" header="The service was not created">
          {failure}
        </Alert>
      )}
      <Wizard
        activeStepIndex={at}
        onNavigate={({ detail }) => navigate(detail.requestedStepIndex)}
        onSubmit={() => void create()}
        onCancel={() => {
          forgetDraft()
          go('/services')
        }}
        isLoadingNextStep={busy}
        submitButtonText="Create and deploy"
        steps={steps.map((id) => ({ title: titles[id], content: contents[id] }))}
      />
    </SpaceBetween>
  )
}
