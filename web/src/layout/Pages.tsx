import { lazy, Suspense } from 'react'
import { Route, Switch } from 'wouter'
import { Boundary } from './Boundary'
import { Loading } from './Loading'
import { NotFound } from '../pages/NotFound'

const Home = lazy(() => import('../pages/Home'))
const Services = lazy(() => import('../pages/services/Services'))
const CreateService = lazy(() => import('../pages/create/CreateService'))
const Connections = lazy(() => import('../pages/connections/Connections'))
const Images = lazy(() => import('../pages/repositories/Images'))
const Keys = lazy(() => import('../pages/keys/Keys'))
const Networks = lazy(() => import('../pages/networking/Networks'))
const ObservabilityConfigurations = lazy(() => import('../pages/observability/ObservabilityConfigurations'))
const Repositories = lazy(() => import('../pages/repositories/Repositories'))
const ScalingConfigurations = lazy(() => import('../pages/autoscaling/ScalingConfigurations'))
const ScalingRevisions = lazy(() => import('../pages/autoscaling/ScalingRevisions'))
const SettingsPage = lazy(() => import('../pages/settings/SettingsPage'))
const Service = lazy(() => import('../pages/service/Service'))

export function Pages() {
  return (
    <Boundary>
      <Suspense fallback={<Loading />}>
        <Switch>
          <Route path="/" component={Home} />
          <Route path="/services" component={Services} />
          <Route path="/services/create" component={CreateService} />
          <Route path="/connections" component={Connections} />
          <Route path="/autoscaling" component={ScalingConfigurations} />
          <Route path="/autoscaling/:name">{({ name }) => <ScalingRevisions key={name} name={name} />}</Route>
          <Route path="/networking" component={Networks} />
          <Route path="/observability" component={ObservabilityConfigurations} />
          <Route path="/repositories" component={Repositories} />
          <Route path="/repositories/:name">{({ name }) => <Images key={name} repository={decodeURIComponent(name)} />}</Route>
          <Route path="/keys" component={Keys} />
          <Route path="/settings" component={SettingsPage} />
          <Route path="/services/:name/:tab?">{({ name, tab }) => <Service key={name} name={name} tab={tab ?? 'logs'} />}</Route>
          <Route>
            <NotFound />
          </Route>
        </Switch>
      </Suspense>
    </Boundary>
  )
}
