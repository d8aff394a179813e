import Alert from '@cloudscape-design/components/alert'
import Container from '@cloudscape-design/components/container'
import Header from '@cloudscape-design/components/header'
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs'
import SpaceBetween from '@cloudscape-design/components/space-between'
import StatusIndicator from '@cloudscape-design/components/status-indicator'
import Table from '@cloudscape-design/components/table'
import { readSettings } from '../../api/settings'
import { Failure } from '../../components/Failure'
import { useData } from '../../hooks/useData'
import { useTitle } from '../../hooks/useTitle'
import { Loading } from '../../layout/Loading'

export default function SettingsPage() {
  useTitle('Settings')
  const settings = useData('settings', readSettings)
  if (!settings.data) return settings.loading ? <Loading /> : <Failure of="read the settings" error={settings.error} retry={settings.reload} />
  const { version, dataDir, settings: list, quotas, problems } = settings.data
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description={`They are in slipway.yaml in ${dataDir}, and take effect when Slipway is started again.`}>
        Settings
      </Header>
      <Container header={<Header variant="h2">Engine health</Header>}>
        <SpaceBetween size="m">
          {problems.length === 0 && <StatusIndicator type="success">Nothing is missing on this machine.</StatusIndicator>}
          {problems.map(({ what, fix, fatal }) => (
            <Alert key={what} type={fatal ? 'error' : 'warning'} header={what}>
              {fix}
            </Alert>
          ))}
        </SpaceBetween>
      </Container>
      <Container header={<Header variant="h2">This Slipway</Header>}>
        <KeyValuePairs columns={3} items={[{ label: 'Version', value: version }, ...list.map(({ name, value }) => ({ label: name, value: value || '–' }))]} />
      </Container>
      <Table
        items={quotas}
        trackBy="name"
        header={<Header variant="h2">Quotas of this Region</Header>}
        columnDefinitions={[
          { id: 'name', header: 'Quota', isRowHeader: true, cell: (q) => q.name },
          { id: 'used', header: 'Used', cell: (q) => q.used },
          { id: 'limit', header: 'Limit', cell: (q) => q.limit },
        ]}
      />
    </SpaceBetween>
  )
}
