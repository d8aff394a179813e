import { useState } from 'react'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import SpaceBetween from '@cloudscape-design/components/space-between'
import TextFilter from '@cloudscape-design/components/text-filter'
import Toggle from '@cloudscape-design/components/toggle'
import { asText } from '../../../lib/logbuffer'
import { download } from '../../../lib/download'
import { LogLines } from './LogLines'
import { useLog } from './useLog'

interface Props {
  service: string
  stream: string
  label: string
}

// LogView is a log, live, with what one does with logs: search, follow and download.
export function LogView({ service, stream, label }: Props) {
  const [words, setWords] = useState('')
  const [follow, setFollow] = useState(true)
  const { lines, total, dropped, live } = useLog(service, stream, words)
  return (
    <SpaceBetween size="xs">
      <div className="log-tools">
        <TextFilter
          filteringText={words}
          filteringPlaceholder="Find in the log"
          filteringAriaLabel={`Find in ${label}`}
          countText={`${lines.length} of ${total} lines`}
          onChange={({ detail }) => setWords(detail.filteringText)}
        />
        <SpaceBetween direction="horizontal" size="s" alignItems="center">
          <Toggle checked={follow} onChange={({ detail }) => setFollow(detail.checked)}>
            Follow
          </Toggle>
          <Button
            iconName="download"
            disabled={total === 0}
            onClick={() => download(`${service}-${stream.replaceAll('/', '-')}.log`, asText(lines))}
          >
            Download
          </Button>
        </SpaceBetween>
      </div>
      <LogLines lines={lines} words={words} follow={follow} onScrolledAway={() => setFollow(false)} label={label} empty={words ? 'No line matches.' : 'Nothing yet.'} />
      <Box color="text-body-secondary" fontSize="body-s">
        {live ? 'Live' : 'Connecting…'} · {total} {total === 1 ? 'line' : 'lines'}
        {dropped > 0 && `, after ${dropped} older ones that are not shown: "slipway logs" has them all`}
      </Box>
    </SpaceBetween>
  )
}
