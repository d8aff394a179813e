import { useSyncExternalStore } from 'react'
import { getSession, onSession } from './api/session'
import { Shell } from './layout/Shell'
import { SignIn } from './pages/SignIn'

export function App() {
  const signedIn = useSyncExternalStore(onSession, getSession)
  return signedIn ? <Shell key={signedIn.keyId} /> : <SignIn />
}
