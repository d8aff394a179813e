export default function Service({ name, tab }: { name: string; tab: string }) {
  return <>{name} {tab}</>
}
