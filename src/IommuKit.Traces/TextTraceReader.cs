using System.Buffers.Text;
using System.Globalization;

namespace IommuKit.Traces;

/// <summary>Reads trace text line by line: ftrace's files trace and trace_pipe, and what trace-cmd report and perf script print.</summary>
internal sealed class TextTraceReader : TraceReader
{
    private const int MaxLine = 64 << 10;

    // Empty lines and comments one after the other: a trace has a few of them at its start.
    private const long MaxIdleBytes = 64 << 20;

    // A kernel log shows in its first lines.
    private const int LogLines = 16;

    private readonly TraceInput _input;
    private readonly bool _isLenient;
    private readonly byte[] _buffer = new byte[4 * MaxLine];
    private int _start;
    private int _end;
    private int _lineStart;
    private int _lineLength;
    private TraceEventKind _kind;
    private bool _isStreamDone;
    private long _events;
    private long _mappings;
    private long _known;
    private long _idleBytes;
    private long _empty;
    private long _lastTime = -1;
    private TraceEvent _first;
    private bool _hasTracer;
    private bool _hasReport;
    private bool _isLog;
    private bool _isEnded;
    private string? _foreignForm;
    private long _inBuffer = -1;
    private long _written;
    private int _processors;
    private RecordedHost? _host;
    private long _marked;

    public TextTraceReader(TraceInput input, bool isLenient)
    {
        _input = input;
        _isLenient = isLenient;
    }

    public override ReadOnlySpan<byte> Message => FtraceMessage.TextOf(Current, _kind);

    public override ReadOnlySpan<byte> Task => FtraceMessage.TaskOf(Current);

    public override bool IsInInterrupt => FtraceMessage.IsInInterrupt(Current);

    public override int Cpu => FtraceMessage.CpuOf(Current);

    public override long TaskNumber => FtraceMessage.TaskNumberOf(Current);

    public override int Processors => _processors != 0 ? _processors : _host?.Processors ?? 0;

    public override string? Kernel => _host?.Kernel;

    public override RecordedHost? Host => _host;

    private ReadOnlySpan<byte> Current => _buffer.AsSpan(_lineStart, _lineLength);

    // A recording's count has those in it that are marked where they are missing.
    public override long Overwritten => _inBuffer < 0 ? Math.Max(0, (_host?.Lost ?? 0) - _marked) : Math.Max(0, _written - _inBuffer);

    public override bool Read(out TraceEvent traceEvent)
    {
        ReadOnlySpan<byte> line = default;
        while (true)
        {
            var end = _isEnded ? LineEnd.Nothing : ReadLine(out line);
            if (end == LineEnd.Nothing)
            {
                _isEnded = true;
                CheckEnd();
                traceEvent = default;
                return false;
            }

            Line++;
            _isLog |= Line <= LogLines && ForeignForms.IsKernelLog(line);
            if (end == LineEnd.TooFar)
            {
                traceEvent = new TraceEvent(TraceEventKind.Damaged, Line);
            }
            else if (!FtraceLine.TryRead(line, Line, out traceEvent))
            {
                NoteHeading(line);
                _isEnded = IsIdle(line.Length + 1);
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

            if (_mappings == 0 && _foreignForm is null && traceEvent.Kind is TraceEventKind.Other or TraceEventKind.Unknown
                or TraceEventKind.Damaged or TraceEventKind.VtdMapping)
            {
                _foreignForm = ForeignForms.Find(line);
            }

            // Lines of tracers of functions are no events, and there may be very many of them between two.
            _idleBytes = 0;

            _kind = traceEvent.Kind;
            _lineStart = _buffer.AsSpan().Overlaps(line, out int start) ? start : 0;
            _lineLength = line.Length;
            _events += traceEvent.Kind is TraceEventKind.Lost or TraceEventKind.Unknown ? 0 : 1;
            _empty += traceEvent.IsEmpty ? 1 : 0;
            _marked = traceEvent.Kind == TraceEventKind.Lost ? Saturating.Add(_marked, traceEvent.Size) : _marked;
            if (traceEvent.Kind is TraceEventKind.Map or TraceEventKind.Unmap)
            {
                NoteMapping(traceEvent);
            }

            _known += traceEvent.Kind is TraceEventKind.Other or TraceEventKind.Lost or TraceEventKind.Unknown or TraceEventKind.Damaged ? 0 : 1;
            return true;
        }
    }

    public override void Dispose() => _input.Dispose();

    /// <summary>
    /// Takes note of a heading. A second one starts another trace, whose times and mappings have nothing to do with those before.
    /// </summary>
    private void NoteHeading(ReadOnlySpan<byte> line)
    {
        if (FtraceLine.TryReadHeading(line, out long inBuffer, out long written)
            || FtraceLine.TryReadLatencyHeading(line, out inBuffer, out written))
        {
            NoteStart(isFirst: _inBuffer < 0);
            _inBuffer = inBuffer;
            _written = written;
            _processors = NumberBehind(line, "#P:"u8);
        }
        else if (RecordedHost.IsLine(line))
        {
            if (RecordedHost.IsStart(line))
            {
                NoteStart(isFirst: _host is null);
            }

            _host ??= new RecordedHost();
            _host.Read(line);
        }
        else if (line.StartsWith("# tracer: "u8))
        {
            NoteStart(isFirst: !_hasTracer);
            _hasTracer = true;
        }
        else if (FtraceLine.IsReportHeading(line))
        {
            NoteStart(isFirst: !_hasReport);
            _hasReport = true;
            _processors = NumberBehind(line, "cpus="u8);
        }
    }

    private static int NumberBehind(ReadOnlySpan<byte> line, ReadOnlySpan<byte> name) =>
        line.IndexOf(name) is >= 0 and int at && Utf8Parser.TryParse(line[(at + name.Length)..], out int count, out _) ? Math.Max(0, count) : 0;

    /// <summary>
    /// Takes note of a map or unmap. Where a file without headings holds a trace twice, its first one comes again, and its time with it.
    /// </summary>
    private void NoteMapping(in TraceEvent mapping)
    {
        if (_mappings++ == 0)
        {
            _first = mapping;
        }
        else if (mapping.Nanoseconds == _first.Nanoseconds && mapping.Nanoseconds >= 0 && _lastTime > mapping.Nanoseconds
            && mapping with { Line = _first.Line } == _first)
        {
            NoteStart(isFirst: false);
        }

        _lastTime = mapping.Nanoseconds;
    }

    private void NoteStart(bool isFirst)
    {
        if (!isFirst)
        {
            Complain("a second trace starts here; give each a file of its own");
        }
    }

    /// <summary>Whether there have been nothing but empty lines and comments for so long that this is no trace, or none any more.</summary>
    private bool IsIdle(int bytes)
    {
        _idleBytes += bytes;
        if (_idleBytes <= MaxIdleBytes)
        {
            return false;
        }

        Complain($"there is nothing but empty lines and comments in {MaxIdleBytes >> 20} MiB; this is not a trace, or not any more");
        return true;
    }

    /// <summary>Refuses the file or, where the caller wants what is there, remembers what is wrong with it.</summary>
    private void Complain(string problem)
    {
        if (!_isLenient)
        {
            throw new InputException(_input.Name, Line, $"{problem} (--lenient reads what is there)");
        }

        Problem ??= problem;
    }

    // What is no trace at all, lenient reading would not make one.
    private string Cure => _mappings == 0 ? string.Empty : " (--lenient leaves such lines out)";

    private string Damage(ReadOnlySpan<byte> line, LineEnd end)
    {
        string damage;
        if (ForeignForms.Find(line) is { } form)
        {
            damage = form;
        }
        else if (FtraceLine.IsBinary(line))
        {
            damage = $"has binary data, not trace text{Cure}";
        }
        else if (end == LineEnd.TooFar)
        {
            damage = $"is longer than {MaxLine} bytes; this is not trace text{Cure}";
        }
        else if (end == LineEnd.Missing)
        {
            damage = "the file ends in the middle of a line (--lenient reads what comes before)";
        }
        else
        {
            damage = (line.IndexOf("IOMMU: "u8) >= 0 ? "is not a map or unmap" : "is not an invalidation")
                + " event that a kernel can have printed: its numbers are missing, misaligned or contradict each other"
                + " (--lenient leaves such lines out)";
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
                _foreignForm
                    ?? (_empty != 0 ? OnlyEmpty(_empty) : null)
                    ?? (_host is not null ? "nothing was mapped or unmapped while it was recorded" : null)
                    ?? (_isLog ? ForeignForms.KernelLog : null)
                    ?? $"has no iommu:map or iommu:unmap event in {Line} {(Line == 1 ? "line" : "lines")}; record the trace with both events on");
        }

        if (_inBuffer > _events)
        {
            Missing = _inBuffer - _events;
            Complain(string.Create(
                CultureInfo.InvariantCulture,
                $"the file has {_events:#,0} of the {_inBuffer:#,0} entries that its heading promises: its end is cut off, or lines were taken out"));
        }
        else if (_inBuffer >= 0 && _known > _inBuffer)
        {
            Complain($"the file has {_known} events of an IOMMU under a heading that promises {_inBuffer} entries: more than one trace is in it");
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
        catch (InputException) when (_isLenient)
        {
            // Far larger than its file; what comes before may be of use, and no more of it is decompressed.
            Problem ??=
                $"the gzip data come out more than {GzipTextStream.MaxTextRatio} times as large as they are; reading stopped after line {Line}";
            _isStreamDone = true;
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
