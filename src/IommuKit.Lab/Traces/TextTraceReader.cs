namespace IommuKit.Lab.Traces;

/// <summary>Reads trace text line by line: ftrace's files trace and trace_pipe, and what trace-cmd report and perf script print.</summary>
internal sealed class TextTraceReader : TraceReader
{
    private const int MaxLine = 64 << 10;

    private readonly TraceInput _input;
    private readonly bool _isLenient;
    private readonly byte[] _buffer = new byte[4 * MaxLine];
    private int _start;
    private int _end;
    private bool _isStreamDone;
    private long _events;
    private long _mappings;
    private bool _hasEventsWithoutFields;
    private long _inBuffer = -1;
    private long _written;

    public TextTraceReader(TraceInput input, bool isLenient)
    {
        _input = input;
        _isLenient = isLenient;
    }

    public override long Overwritten => _inBuffer < 0 ? 0 : Math.Max(0, _written - _inBuffer);

    public override bool Read(out TraceEvent traceEvent)
    {
        while (true)
        {
            var end = ReadLine(out var line);
            if (end == LineEnd.Nothing)
            {
                CheckEnd();
                traceEvent = default;
                return false;
            }

            Line++;
            if (end == LineEnd.TooFar)
            {
                traceEvent = new TraceEvent(TraceEventKind.Damaged, Line);
            }
            else if (!FtraceLine.TryRead(line, Line, out traceEvent))
            {
                if (FtraceLine.TryReadHeading(line, out long inBuffer, out long written))
                {
                    _inBuffer = inBuffer;
                    _written = written;
                }

                continue;
            }
            else if (end == LineEnd.Missing && !FtraceLine.CanBeWhole(line, traceEvent.Kind))
            {
                traceEvent = new TraceEvent(TraceEventKind.Damaged, Line);
            }

            if (traceEvent.Kind == TraceEventKind.Damaged && !_isLenient)
            {
                throw new InputException(_input.Name, Line, Damage(line, end));
            }

            _hasEventsWithoutFields |= traceEvent.Kind == TraceEventKind.Unknown && FtraceLine.IsWithoutFields(line);
            _events += traceEvent.Kind is TraceEventKind.Lost or TraceEventKind.Unknown ? 0 : 1;
            _mappings += traceEvent.Kind is TraceEventKind.Map or TraceEventKind.Unmap ? 1 : 0;
            return true;
        }
    }

    public override void Dispose() => _input.Dispose();

    private string Damage(ReadOnlySpan<byte> line, LineEnd end)
    {
        string damage;
        if (FtraceLine.IsBinary(line))
        {
            damage = "has binary data, not trace text";
        }
        else if (end == LineEnd.TooFar)
        {
            damage = $"is longer than {MaxLine} bytes; this is not trace text";
        }
        else if (end == LineEnd.Missing)
        {
            damage = "the file ends in the middle of a line";
        }
        else
        {
            damage = (line.IndexOf("IOMMU: iova="u8) >= 0 ? "is not a map or unmap" : "is not an invalidation")
                + " event that a kernel can have printed: its numbers are missing, zero, misaligned or contradict each other";
        }

        // Whatever else the line looks like: if the compression is damaged, that is the cause.
        return _input.Gzip?.IsDamagedFurtherOn() == true
            ? "the gzip data is damaged, and this line comes out wrong (--lenient reads what can be read)"
            : damage;
    }

    private void CheckEnd()
    {
        if (_mappings == 0)
        {
            throw new InputException(
                _input.Name,
                null,
                _hasEventsWithoutFields
                    ? "has events without their fields; record the trace without the options raw and hex "
                        + "('echo noraw > trace_options; echo nohex > trace_options')"
                    : $"has no iommu:map or iommu:unmap event in {Line} {(Line == 1 ? "line" : "lines")}; record the trace with both events on");
        }

        if (_inBuffer > _events)
        {
            string problem = $"the file ends after {_events} of the {_inBuffer} entries that its heading promises";
            if (!_isLenient)
            {
                throw new InputException(_input.Name, Line, $"{problem} (--lenient reads what is there)");
            }

            Problem ??= problem;
        }
    }

    /// <summary>Finds the next line.</summary>
    /// <param name="line">The line without its end, or its start if it is too long; valid until the next call.</param>
    private LineEnd ReadLine(out ReadOnlySpan<byte> line)
    {
        int searched = 0;
        bool isTooLong = false;
        while (true)
        {
            int length = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
            if (length >= 0)
            {
                length += searched;
                line = _buffer.AsSpan(_start, length);
                _start += length + 1;
                return isTooLong || length > MaxLine ? LineEnd.TooFar : LineEnd.Found;
            }

            searched = _end - _start;
            line = _buffer.AsSpan(_start, searched);
            if (_isStreamDone)
            {
                _start = _end;
                return isTooLong ? LineEnd.TooFar : searched == 0 ? LineEnd.Nothing : LineEnd.Missing;
            }

            if (searched > MaxLine)
            {
                if (!_isLenient)
                {
                    return LineEnd.TooFar;
                }

                // Only its end matters any more.
                isTooLong = true;
                searched = 0;
                _start = _end;
            }

            Fill();
        }
    }

    private void Fill()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        _end -= _start;
        _start = 0;
        try
        {
            int count = _input.Content.Read(_buffer.AsSpan(_end));
            _end += count;
            _isStreamDone = count == 0;
        }
        catch (InvalidDataException) when (_isLenient)
        {
            Problem = $"the gzip data breaks off or is damaged after line {Line}";
            _isStreamDone = true;
        }
        catch (InvalidDataException)
        {
            throw new InputException(_input.Name, Line + 1, "the gzip data breaks off or is damaged here (--lenient reads what comes before)");
        }
        catch (IOException e)
        {
            throw new InputException(_input.Name, Line + 1, FileProblem.Describe(e));
        }
    }

    /// <summary>How a line ends.</summary>
    private enum LineEnd
    {
        /// <summary>There is no line any more.</summary>
        Nothing,

        /// <summary>As it should.</summary>
        Found,

        /// <summary>The file ends before it does.</summary>
        Missing,

        /// <summary>Only after more bytes than a line can have.</summary>
        TooFar,
    }
}
