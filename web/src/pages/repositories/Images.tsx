import { useState } from 'react'
import Badge from '@cloudscape-design/components/badge'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { TableProps } from '@cloudscape-design/components/table'
import { ecr, type StoredImage } from '../../api/ecr'
import { Confirm } from '../../components/Confirm'
import { Crumbs } from '../../components/Crumbs'
import { Listing } from '../../components/Listing'
import { useData } from '../../hooks/useData'
import { useTitle } from '../../hooks/useTitle'
import { size, when } from '../../lib/format'
import { PushCommands } from './PushCommands'

const columns: TableProps.ColumnDefinition<StoredImage>[] = [
  {
    id: 'tags',
    header: 'Tags',
    isRowHeader: true,
    cell: (i) => (
      <SpaceBetween direction="horizontal" size="xxs">
        {i.imageTags?.map((tag) => <Badge key={tag}>{tag}</Badge>) ?? 'None'}
      </SpaceBetween>
    ),
  },
  { id: 'digest', header: 'Digest', cell: (i) => <Box variant="code">{i.imageDigest?.slice(0, 19)}</Box> },
  { id: 'size', header: 'Size', sortingField: 'imageSizeInBytes', cell: (i) => (i.imageSizeInBytes === undefined ? '–' : size(i.imageSizeInBytes)) },
  { id: 'pushed', header: 'Pushed', sortingField: 'imagePushedAt', cell: (i) => when(i.imagePushedAt ? new Date(i.imagePushedAt * 1000) : undefined) },
]

export default function Images({ repository }: { repository: string }) {
  useTitle(repository)
  const list = useData(`images of ${repository}`, () => ecr.images(repository))
  const [selected, setSelected] = useState<string>()
  const [asked, setAsked] = useState<'delete' | 'push'>()
  const chosen = list.data?.find((image) => image.imageDigest === selected)
  const remove = async () => {
    const { failures } = await ecr.removeImages(repository, [selected ?? ''])
    const reason = failures?.[0]?.failureReason
    if (reason) throw new Error(reason)
    list.reload()
  }
  return (
    <SpaceBetween size="l">
      <Crumbs items={[{ text: 'Repositories', href: '/repositories' }, { text: repository, href: `/repositories/${encodeURIComponent(repository)}` }]} />
      <Listing
        title={repository}
        what="images"
        data={list}
        columns={columns}
        id={(i) => i.imageDigest ?? ''}
        texts={(i) => [i.imageDigest, ...(i.imageTags ?? [])]}
        selected={chosen}
        select={(i) => setSelected(i?.imageDigest)}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button disabled={!chosen} onClick={() => setAsked('delete')}>
              Delete
            </Button>
            <Button variant="primary" onClick={() => setAsked('push')}>
              View push commands
            </Button>
          </SpaceBetween>
        }
      />
      {asked === 'push' && <PushCommands repository={repository} close={() => setAsked(undefined)} />}
      {asked === 'delete' && chosen && (
        <Confirm title="Delete the image?" verb="Delete" action={remove} close={() => setAsked(undefined)}>
          <Box>{chosen.imageTags?.length ? `With its tags: ${chosen.imageTags.join(', ')}.` : chosen.imageDigest}</Box>
        </Confirm>
      )}
    </SpaceBetween>
  )
}
