namespace IommuKit.Lab.Traces;

/// <summary>
/// Reads the events of a trace in constant memory: ftrace text (from the files trace and trace_pipe), plain or gzip.
/// </summary>
public sealed class TraceReader : IDisposable
{
    private const int MaxLine = 64 << 10;

    private readonly string _path;
    private readonly Stream _stream;
    private readonly bool _isLenient;
    private readonly byte[] _buffer = new byte[4 * MaxLine];
    private int _start;
    private int _end;
    private bool _isStreamDone;
    private long _events;
    private long _mappings;
    private long _inBuffer = -1;
    private long _written;

    /// <summary>Opens a trace.</summary>
    /// <param name="path">The file.</param>
    /// <param name="isLenient">Whether to go on where the file is cut off or damaged.</param>
    /// <param name="onRead">Told how many bytes of the file were read so far, or null.</param>
    /// <exception cref="InputException">The file cannot be read or is not a trace as text.</exception>
    public TraceReader(string path, bool isLenient = false, Action<long>? onRead = null)
    {
        _path = path;
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

    /// <summary>Reads the next event.</summary>
    /// <returns>False at the end.</returns>
    /// <exception cref="InputException">The file is cut off or damaged, and the reader is not lenient; or it holds no mappings at all.</exception>
    public bool Read(out TraceEvent traceEvent)
    {
        while (true)
        {
            if (!TryReadLine(out var line, out bool isWhole))
            {
                CheckEnd();
                traceEvent = default;
                return false;
            }

            Line++;
            if (!FtraceLine.TryRead(line, Line, out traceEvent))
            {
                if (FtraceLine.TryReadHeading(line, out long inBuffer, out long written))
                {
                    _inBuffer = inBuffer;
                    _written = written;
                }

                continue;
            }

            if (!isWhole)
            {
                // Whatever stands there may be half of it.
                traceEvent = new TraceEvent(TraceEventKind.Damaged, Line);
            }

            if (traceEvent.Kind == TraceEventKind.Damaged && !_isLenient)
            {
                throw new InputException(_path, Line, Damage(line, isWhole));
            }

            _events += traceEvent.Kind is TraceEventKind.Lost or TraceEventKind.Unknown ? 0 : 1;
            _mappings += traceEvent.Kind is TraceEventKind.Map or TraceEventKind.Unmap ? 1 : 0;
            return true;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    private static string Damage(ReadOnlySpan<byte> line, bool isWhole)
    {
        if (line.Contains((byte)0))
        {
            return "has binary data, not trace text";
        }

        if (!isWhole)
        {
            return "the file ends in the middle of a line";
        }

        return "is not a map or unmap event that a kernel can have printed: its numbers are missing, zero, misaligned or contradict each other";
    }

    private void CheckEnd()
    {
        if (_mappings == 0)
        {
            throw new InputException(
                _path, null, $"has no iommu:map or iommu:unmap event in {Line} lines; record the trace with both events on");
        }

        if (_inBuffer > _events && !_isLenient)
        {
            throw new InputException(
                _path, Line, $"the file ends after {_events} of the {_inBuffer} entries that its heading promises (--lenient replays what is there)");
        }
    }

    /// <summary>Finds the next line.</summary>
    /// <param name="line">The line without its end; valid until the next call.</param>
    /// <param name="isWhole">Whether its end was there.</param>
    private bool TryReadLine(out ReadOnlySpan<byte> line, out bool isWhole)
    {
        int searched = 0;
        while (true)
        {
            int length = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
            if (length >= 0)
            {
                length += searched;
                line = _buffer.AsSpan(_start, length);
                _start += length + 1;
                isWhole = true;
                CheckLength(length);
                return true;
            }

            searched = _end - _start;
            CheckLength(searched);
            if (_isStreamDone)
            {
                line = _buffer.AsSpan(_start, searched);
                _start = _end;
                isWhole = false;
                return searched != 0;
            }

            Fill();
        }
    }

    private void CheckLength(int length)
    {
        if (length > MaxLine)
        {
            throw new InputException(_path, Line + 1, $"is longer than {MaxLine} bytes; this is not trace text");
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
            _isStreamDone = true;
        }
        catch (InvalidDataException)
        {
            throw new InputException(_path, Line + 1, "the gzip data breaks off or is damaged here (--lenient replays what comes before)");
        }
        catch (IOException e)
        {
            throw new InputException(_path, Line + 1, e.Message);
        }
    }
}
