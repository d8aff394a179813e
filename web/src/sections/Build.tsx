import Container from '@cloudscape-design/components/container'
import FormField from '@cloudscape-design/components/form-field'
import Header from '@cloudscape-design/components/header'
import RadioGroup from '@cloudscape-design/components/radio-group'
import Select from '@cloudscape-design/components/select'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { Optional } from '../components/Optional'
import { TextField } from '../components/TextField'
import type { Draft, Section } from '../wizard/draft'
import { Detection } from './Detection'
import { runtimes } from '../wizard/runtimes'

export function Build({ draft, errors, change }: Section) {
  const here = draft.configuration === 'API'
  const docker = draft.configuration === 'DOCKERFILE'
  const runtime = runtimes.find(({ value }) => value === draft.runtime)
  return (
    <Container header={<Header variant="h2">Build settings</Header>}>
      <SpaceBetween size="l">
        {draft.repository && draft.branch && <Detection draft={draft} change={change} />}
        <FormField label="Configuration file">
          <RadioGroup
            value={draft.configuration}
            onChange={({ detail }) => change({ configuration: detail.value as Draft['configuration'] })}
            items={[
              { value: 'API', label: 'Configure all settings here', description: 'Here you say how the application is built and run.' },
              { value: 'REPOSITORY', label: 'Use a configuration file', description: 'The file apprunner.yaml in the source directory says so; without one, Slipway finds out.' },
              { value: 'DOCKERFILE', label: 'Use a Dockerfile', description: 'The Dockerfile in the source directory says how the image is built.' },
            ]}
          />
        </FormField>
        {here && (
          <FormField label="Runtime" errorText={errors.runtime}>
            <Select
              placeholder="Choose a runtime"
              selectedOption={runtime ?? null}
              options={runtimes}
              onChange={({ detail }) => change({ runtime: detail.selectedOption.value ?? '' })}
            />
          </FormField>
        )}
        {here && (
          <TextField
            label="Build command"
            description="Runs in the source directory when a version is deployed."
            placeholder="npm install"
            value={draft.buildCommand}
            error={errors.buildCommand}
            onChange={(buildCommand) => change({ buildCommand })}
          />
        )}
        {docker && (
          <TextField
            label={<Optional>Path of the Dockerfile</Optional>}
            placeholder="Dockerfile"
            value={draft.dockerfile}
            onChange={(dockerfile) => change({ dockerfile })}
          />
        )}
        {(here || docker) && (
          <TextField
            label={docker ? <Optional>Start command</Optional> : 'Start command'}
            description={docker ? 'Instead of the one in the Dockerfile.' : 'Starts the application.'}
            placeholder={docker ? undefined : 'node server.js'}
            value={draft.startCommand}
            error={errors.startCommand}
            onChange={(startCommand) => change({ startCommand })}
          />
        )}
        {(here || docker) && (
          <TextField label="Port" description="That the application listens at." mode="numeric" value={draft.port} error={errors.port} onChange={(port) => change({ port })} />
        )}
      </SpaceBetween>
    </Container>
  )
}
