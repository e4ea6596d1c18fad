namespace IommuKit.Traces.Dat;

/// <summary>Takes the ring-buffer pages of one processor apart into records.</summary>
/// <remarks>
/// The format is the kernel's (tracefs, events/header_page and events/header_event): a page starts with a time, the number of bytes in use and flags
/// beside it; a record with 5 bits of type and 27 bits of time since the one before.
/// </remarks>
/// <param name="pages">The pages.</param>
/// <param name="layout">How they are laid out.</param>
/// <param name="numbers">The byte order.</param>
internal sealed class RingBuffer(CpuPages pages, PageLayout layout, DatNumbers numbers)
{
    // Flags beside the number of bytes in use: events are missing before this page; and how many is written behind the last.
    private const uint MissedEvents = 1u << 31;
    private const uint MissedStored = 1u << 30;
    private const uint CommitMask = (1u << 27) - 1;

    // Types; those below are the length of the data in words, 0 meaning that it follows.
    private const uint Padding = 29;
    private const uint TimeExtend = 30;
    private const uint TimeStamp = 31;

    private const int TimeBits = 27;
    private const uint TimeMask = (1u << TimeBits) - 1;

    // What an absolute time stamp has no room for.
    private const ulong TimeStampHigh = 0xf8ul << 56;

    private readonly byte[] _page = new byte[layout.Bytes];
    private int _next;
    private int _end;
    private int _data;
    private int _dataEnd;

    /// <summary>The time of the record, in units of the clock.</summary>
    public ulong Time { get; private set; }

    /// <summary>
    /// How many events are missing before the records that follow; then this is no record itself. At least one where the number is not known.
    /// </summary>
    public ulong Lost { get; private set; }

    /// <summary>The data of the record; its first two bytes tell which event it is.</summary>
    public ReadOnlySpan<byte> Data => _page.AsSpan(_data, _dataEnd - _data);

    /// <summary>Goes to the next record.</summary>
    /// <returns>False at the end.</returns>
    /// <exception cref="InvalidDataException">A page is damaged, or none can be read. The next call goes on after it, if it can.</exception>
    public bool MoveNext()
    {
        Lost = 0;
        while (true)
        {
            if (_next == _end)
            {
                if (!pages.TryRead(out var page))
                {
                    return false;
                }

                Start(page);
                if (Lost != 0)
                {
                    _data = 0;
                    _dataEnd = 0;
                    return true;
                }
            }
            else if (MoveInPage())
            {
                return true;
            }
        }
    }

    private void Start(ReadOnlySpan<byte> page)
    {
        page.CopyTo(_page);
        Time = numbers.U64(page);
        uint commit = (uint)numbers.Unsigned(page.Slice(layout.CommitOffset, layout.CommitSize));
        int used = (int)(commit & CommitMask);
        _next = layout.DataOffset;
        _end = _next;
        if (used > layout.Bytes - layout.DataOffset)
        {
            throw new InvalidDataException($"a page of {layout.Bytes} bytes says that {used} are in use");
        }

        _end += used;
        if ((commit & MissedEvents) != 0)
        {
            bool isStored = (commit & MissedStored) != 0 && _end + layout.CommitSize <= layout.Bytes;
            Lost = Math.Max(1, isStored ? numbers.Unsigned(page.Slice(_end, layout.CommitSize)) : 1);
        }
    }

    /// <summary>Goes over one entry.</summary>
    /// <returns>Whether it is a record.</returns>
    private bool MoveInPage()
    {
        uint header = U32(_next);
        uint type = numbers.IsBig ? header >> TimeBits : header & 31;
        uint delta = numbers.IsBig ? header & TimeMask : header >> 5;
        int body = _next + 4;
        switch (type)
        {
            case Padding when delta == 0:
                // Nothing follows on this page.
                _next = _end;
                return false;
            case Padding:
                // An event that was discarded. The kernel makes a time of 0 a 1, to tell it from the padding above.
                Time += delta == 1 ? 0 : delta;
                End(body, U32(body));
                return false;
            case TimeExtend:
                Time += ((ulong)U32(body) << TimeBits) + delta;
                End(body, 4);
                return false;
            case TimeStamp:
                ulong stamp = ((ulong)U32(body) << TimeBits) + delta;
                stamp |= Time & TimeStampHigh;
                Time = stamp < Time && (Time & TimeStampHigh) != 0 ? stamp + (1ul << 59) : stamp;
                End(body, 4);
                return false;
            case 0:
                // The length counts itself.
                _data = body + 4;
                End(body, U32(body));
                break;
            default:
                _data = body;
                End(body, type * 4);
                break;
        }

        Time += delta;
        _dataEnd = Math.Max(_data, _next);
        return true;
    }

    private void End(int body, uint length)
    {
        if (length == 0 || length > (uint)(_end - body))
        {
            throw Damaged();
        }

        _next = body + (int)length;
    }

    private uint U32(int at)
    {
        if (at > _end - 4)
        {
            throw Damaged();
        }

        return numbers.U32(_page.AsSpan(at));
    }

    private InvalidDataException Damaged()
    {
        int at = _next;
        _next = _end;
        return new InvalidDataException($"a page has no whole record at its byte {at}");
    }
}
