import { useState } from 'react'
import TopNavigation from '@cloudscape-design/components/top-navigation'
import { messageOf } from '../api/error'
import { chooseRegion, region, session, signOut } from '../api/session'
import { notify } from '../lib/notify'
import { chooseTheme, theme, type Theme } from '../lib/theme'
import { useFollow } from '../hooks/useFollow'
import { regions } from '../lib/regions'

export function TopBar() {
  const follow = useFollow()
  const [look, setLook] = useState<Theme>(theme())
  const { name, keyId, about } = session()
  const pick = (chosen: Theme) => {
    chooseTheme(chosen)
    setLook(chosen)
  }
  return (
    <div className="top" id="top">
      <TopNavigation
        identity={{ href: '/', title: 'Slipway', onFollow: (event) => follow({ preventDefault: () => event.preventDefault(), detail: { href: '/' } }) }}
        utilities={[
          {
            type: 'menu-dropdown',
            text: region(),
            ariaLabel: `Region ${region()}`,
            items: regions(about.region).map((id) => ({ id, text: id === about.region ? `${id} (this Slipway's own)` : id })),
            onItemClick: ({ detail }) => chooseRegion(detail.id),
          },
          {
            type: 'menu-dropdown',
            iconName: 'settings',
            ariaLabel: 'Appearance',
            title: 'Appearance',
            items: (['system', 'light', 'dark'] as const).map((id) => ({
              id,
              itemType: 'checkbox' as const,
              checked: look === id,
              text: { system: 'As the system', light: 'Light', dark: 'Dark' }[id],
            })),
            onItemClick: ({ detail }) => pick(detail.id as Theme),
          },
          {
            type: 'menu-dropdown',
            iconName: 'user-profile',
            text: name || 'root',
            description: keyId,
            items: [{ id: 'out', text: 'Sign out' }],
            onItemClick: () => void signOut().catch((error: unknown) => notify('error', messageOf(error))),
          },
        ]}
      />
    </div>
  )
}
