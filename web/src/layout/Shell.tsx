import { useEffect, useState } from 'react'
import AppLayout from '@cloudscape-design/components/app-layout'
import { useLocation } from 'wouter'
import { Navigation } from './Navigation'
import { Notices } from './Notices'
import { Pages } from './Pages'
import { TopBar } from './TopBar'

const wide = window.matchMedia('(min-width: 912px)')

export function Shell() {
  const [path] = useLocation()
  const [open, setOpen] = useState(wide.matches)
  useEffect(() => {
    window.scrollTo(0, 0)
  }, [path])
  const close = () => {
    if (!wide.matches) setOpen(false) // on a phone the navigation covers the page
  }
  return (
    <>
      <TopBar />
      <AppLayout
        headerSelector="#top"
        navigation={<Navigation onGo={close} />}
        navigationOpen={open}
        onNavigationChange={({ detail }) => setOpen(detail.open)}
        toolsHide
        stickyNotifications
        notifications={<Notices />}
        content={<Pages />}
      />
    </>
  )
}
