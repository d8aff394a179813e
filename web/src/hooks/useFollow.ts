import { useLocation } from 'wouter'

interface Follow {
  preventDefault: () => void
  detail: { href?: string; external?: boolean }
}

// useFollow makes links within the console change the page without loading it again.
export function useFollow() {
  const [, go] = useLocation()
  return (event: Follow) => {
    const href = event.detail.href
    if (!href || event.detail.external || !href.startsWith('/')) return
    event.preventDefault()
    go(href)
  }
}
