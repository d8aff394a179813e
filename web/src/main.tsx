import '@cloudscape-design/global-styles/index.css'
import './console.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { I18nProvider } from '@cloudscape-design/components/i18n'
import messages from '@cloudscape-design/components/i18n/messages/all.en'
import { App } from './App'
import { applyTheme } from './lib/theme'
import { loadSession } from './api/session'

applyTheme()

const root = createRoot(document.getElementById('root') as HTMLElement)

loadSession()
  .catch(() => undefined) // the sign-in says that Slipway does not answer
  .finally(() =>
    root.render(
      <StrictMode>
        <I18nProvider locale="en" messages={[messages]}>
          <App />
        </I18nProvider>
      </StrictMode>,
    ),
  )
