namespace IommuKit.Lab.Traces;

/// <summary>
/// Reads the events of a trace in constant memory: ftrace text (from the files trace and trace_pipe), plain or gzip.
/// </summary>
public sealed class TraceReader : IDisposable
{
    private const int MaxLine = 64 << 10;

    private readonly string _name;
    private readonly Stream _stream;
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

    /// <summary>Opens a trace.</summary>
    /// <param name="path">The file, or "-" for the standard input.</param>
    /// <param name="isLenient">Whether to go on where the file is cut off or damaged.</param>
    /// <param name="onRead">Told how many bytes of the file were read so far, or null.</param>
    /// <exception cref="InputException">The file cannot be read or is not a trace as text.</exception>
    public TraceReader(string path, bool isLenient = false, Action<long>? onRead = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        _name = TraceFile.NameOf(path);
        _isLenient = isLenient;
        _stream = TraceFile.Open(path, onRead);
    }

    /// <summary>Lines read so far.</summary>
    public long Line { get; private set; }

    /// <summary>
    /// Events that the kernel overwrote before the file was read: the heading's entries written minus those in the buffer. Those lost in the
    /// middle come as events.
    /// </summary>
    public long Overwritten => _inBuffer < 0 ? 0 : Math.Max(0, _written - _inBuffer);

    /// <summary>What is wrong with the file as a whole, where a lenient reader went on or stopped early; null if nothing is.</summary>
    public string? Problem { get; private set; }

    /// <summary>Reads the next event.</summary>
    /// <returns>False at the end.</returns>
    /// <exception cref="InputException">The file is cut off or damaged, and the reader is not lenient; or it holds no mappings at all.</exception>
    public bool Read(out TraceEvent traceEvent)
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
                throw new InputException(_name, Line, Damage(line, end));
            }

            _hasEventsWithoutFields |= traceEvent.Kind == TraceEventKind.Unknown && FtraceLine.IsWithoutFields(line);
            _events += traceEvent.Kind is TraceEventKind.Lost or TraceEventKind.Unknown ? 0 : 1;
            _mappings += traceEvent.Kind is TraceEventKind.Map or TraceEventKind.Unmap ? 1 : 0;
            return true;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

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
        return _stream is GzipTextStream gzip && gzip.IsDamagedFurtherOn()
            ? "the gzip data is damaged, and this line comes out wrong (--lenient replays what can be read)"
            : damage;
    }

    private void CheckEnd()
    {
        if (_mappings == 0)
        {
            throw new InputException(
                _name,
                null,
                _hasEventsWithoutFields
                    ? "has events without their fields; record the trace without the options raw and hex ('echo noraw > trace_options; echo nohex > trace_options')"
                    : $"has no iommu:map or iommu:unmap event in {Line} {(Line == 1 ? "line" : "lines")}; record the trace with both events on");
        }

        if (_inBuffer > _events)
        {
            string problem = $"the file ends after {_events} of the {_inBuffer} entries that its heading promises";
            if (!_isLenient)
            {
                throw new InputException(_name, Line, $"{problem} (--lenient replays what is there)");
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
            int count = _stream.Read(_buffer.AsSpan(_end));
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
            throw new InputException(_name, Line + 1, "the gzip data breaks off or is damaged here (--lenient replays what comes before)");
        }
        catch (IOException e)
        {
            throw new InputException(_name, Line + 1, FileProblem.Describe(e));
        }

        // A plain file was looked at when it was opened; what a compressed one holds shows here.
        if (Line == 0 && _stream is GzipTextStream && TraceFile.FindProblem(_buffer.AsSpan(0, _end)) is { } problem)
        {
            throw new InputException(_name, null, $"is gzip; what it holds {problem}");
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
