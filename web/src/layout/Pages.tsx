import { lazy, Suspense } from 'react'
import { Route, Switch } from 'wouter'
import { Boundary } from './Boundary'
import { Loading } from './Loading'
import { NotFound } from '../pages/NotFound'

const Home = lazy(() => import('../pages/Home'))
const Services = lazy(() => import('../pages/services/Services'))
const CreateService = lazy(() => import('../pages/create/CreateService'))
const Connections = lazy(() => import('../pages/connections/Connections'))
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
          <Route path="/services/:name/:tab?">{({ name, tab }) => <Service key={name} name={name} tab={tab ?? 'logs'} />}</Route>
          <Route>
            <NotFound />
          </Route>
        </Switch>
      </Suspense>
    </Boundary>
  )
}
