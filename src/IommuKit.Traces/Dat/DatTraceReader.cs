namespace IommuKit.Traces.Dat;

/// <summary>
/// Reads a trace.dat of trace-cmd: the records of all processors by time, and those of equal times in the order of the processors, as ftrace and
/// trace-cmd report print them.
/// </summary>
internal sealed class DatTraceReader : TraceReader
{
    private readonly TraceInput _input;
    private readonly bool _isLenient;
    private readonly FileStream _file;
    private readonly DatCompression _compression;
    private readonly IommuEvents _events;
    private readonly DatClock _clock;
    private readonly List<CpuData> _cpus;
    private readonly RingBuffer[] _buffers;
    private readonly DatNumbers _numbers;
    private readonly FieldPlace? _task;
    private readonly string? _kernel;

    // The next record of each processor but the current one.
    private readonly PriorityQueue<int, (ulong Time, int Order)> _waiting = new();
    private int _current = -1;
    private bool _isStarted;
    private bool _isFound;
    private long _damages;
    private long _mappings;
    private long _empty;
    private long _vtdMappings;

    /// <summary>Reads the header.</summary>
    /// <param name="input">The file.</param>
    /// <param name="isLenient">Whether to go on where it is damaged.</param>
    /// <exception cref="InputException">It cannot be read.</exception>
    public DatTraceReader(TraceInput input, bool isLenient)
    {
        _input = input;
        _isLenient = isLenient;
        _file = Seekable();
        try
        {
            _file.Position = 0;
            var contents = DatHeader.Read(_file);
            var layout = contents.Page ?? throw new InvalidDataException("it lacks the layout of its pages");
            _events = new IommuEvents(contents.Numbers, contents.Formats, contents.Tasks);
            _numbers = contents.Numbers;
            _task = contents.Formats.FirstOrDefault()?.Fields.TryGetValue("common_pid", out var task) == true && task.Size == sizeof(int) ? task : null;
            _kernel = KernelOf(contents.System);
            _clock = new DatClock(contents.Clock, contents.Tsc);
            _cpus = contents.Cpus;
            _compression = new DatCompression(contents.Compression);
            var file = new DatFile(_file, input.OnRead);
            _buffers = [.. _cpus.Select(cpu => new RingBuffer(new CpuPages(file, contents, cpu, _compression), layout, contents.Numbers))];
        }
        catch (Exception e) when (e is InvalidDataException or NotSupportedException or IOException)
        {
            _file.Dispose();
            throw Refuse(e);
        }
    }

    public override ReadOnlySpan<byte> Message => _events.Messages.TextOf(Current);

    public override ReadOnlySpan<byte> Task => _events.Messages.TaskOf(Current);

    public override bool IsInInterrupt => _events.Messages.IsInInterrupt(Current);

    /// <summary>The data of the event that was read last; empty if it was none.</summary>
    private ReadOnlySpan<byte> Current => _current >= 0 && !_isFound && _buffers[_current].Lost == 0 ? _buffers[_current].Data : default;

    public override bool Read(out TraceEvent traceEvent)
    {
        if (!_isFound)
        {
            Find();
            _isFound = true;
        }

        if (_damages != 0)
        {
            _damages--;
            traceEvent = new TraceEvent(TraceEventKind.Damaged, ++Line);
            return true;
        }

        if (_current < 0)
        {
            CheckEnd();
            traceEvent = default;
            return false;
        }

        Line++;
        _isFound = false;
        var buffer = _buffers[_current];
        traceEvent = buffer.Lost != 0
            ? new TraceEvent(TraceEventKind.Lost, Line, Size: buffer.Lost)
            : _events.Read(buffer.Data, Line, _clock.Nanoseconds(buffer.Time));
        if (traceEvent.Kind == TraceEventKind.Damaged && !_isLenient)
        {
            throw new InputException(
                _input.Name,
                null,
                $"event {Line} is no map or unmap that a kernel can have recorded: its numbers are missing, misaligned or contradict each other "
                    + "(--lenient leaves it out)");
        }

        _mappings += traceEvent.Kind is TraceEventKind.Map or TraceEventKind.Unmap ? 1 : 0;
        _empty += traceEvent.IsEmpty ? 1 : 0;
        _vtdMappings += traceEvent.Kind == TraceEventKind.VtdMapping ? 1 : 0;
        return true;
    }

    public override int Cpu => _current < 0 ? -1 : _cpus[_current].Cpu;

    public override long TaskNumber
    {
        get
        {
            var data = _current < 0 ? default : _buffers[_current].Data;
            return _task is { } place && place.End <= data.Length ? _numbers.U32(data[place.Offset..]) : -1;
        }
    }

    public override int Processors => _cpus.Count == 0 ? 0 : _cpus.Max(cpu => cpu.Cpu) + 1;

    public override string? Kernel => _kernel;

    public override void Dispose()
    {
        _compression.Dispose();
        _file.Dispose();
        _input.Dispose();
    }

    /// <summary>The third word of "Linux host 6.1.0-56-amd64 #1 SMP …".</summary>
    private static string? KernelOf(string system) => system.Split(' ') is ["Linux", _, var kernel, ..] ? kernel : null;

    /// <summary>Finds the record that comes next.</summary>
    private void Find()
    {
        if (!_isStarted)
        {
            _isStarted = true;
            for (int buffer = 0; buffer < _buffers.Length; buffer++)
            {
                if (MoveNext(buffer))
                {
                    _waiting.Enqueue(buffer, (_buffers[buffer].Time, buffer));
                }
            }
        }
        else if (_current >= 0 && MoveNext(_current))
        {
            var time = (_buffers[_current].Time, _current);
            if (_waiting.TryPeek(out _, out var first) && first.CompareTo(time) < 0)
            {
                _current = _waiting.EnqueueDequeue(_current, time);
            }

            return;
        }

        if (!_waiting.TryDequeue(out _current, out _))
        {
            _current = -1;
        }
    }

    private bool MoveNext(int buffer)
    {
        while (true)
        {
            try
            {
                return _buffers[buffer].MoveNext();
            }
            catch (InvalidDataException e)
            {
                string problem = $"is damaged after event {Line}, in the data of processor {_cpus[buffer].Cpu}: {e.Message}";
                if (!_isLenient)
                {
                    throw new InputException(_input.Name, null, $"{problem} (--lenient reads what can be read)");
                }

                Problem ??= problem;
                _damages++;
            }
            catch (IOException e)
            {
                throw Refuse(e);
            }
        }
    }

    /// <summary>The file, if it can be read at any place; or a copy.</summary>
    private FileStream Seekable()
    {
        if (_input.Seekable is { } file)
        {
            return file;
        }

        SpooledFile? copy = null;
        try
        {
            copy = SpooledFile.Create(_input.Content);
            copy.CopyRest(DatHeader.Preview(copy, _isLenient));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            copy?.File.Dispose();
            throw new InputException(
                _input.Name, null, $"is a trace.dat that has to be copied to a temporary file, which failed: {FileProblem.Describe(e)}");
        }
        catch (Exception e) when (e is InvalidDataException or NotSupportedException && copy!.Problem is null)
        {
            copy!.File.Dispose();
            throw Refuse(e);
        }
        catch (InvalidDataException)
        {
            // That it is not whole is said below; where that is no obstacle, the header is read once more, and refused for what it is.
        }
        catch
        {
            copy?.File.Dispose();
            throw;
        }

        Problem = copy!.Problem;
        if (Problem is not null && !_isLenient)
        {
            copy.File.Dispose();
            throw new InputException(_input.Name, null, $"is a trace.dat that is not whole: {Problem} (--lenient reads what is there)");
        }

        return copy.File;
    }

    private InputException Refuse(Exception exception) => new(
        _input.Name,
        null,
        exception switch
        {
            // What cannot be used says so itself, and what is damaged may have been cut off on the way.
            NotSupportedException => $"is a trace.dat, but {exception.Message}",
            InvalidDataException => $"is a trace.dat that breaks off or is damaged: {exception.Message}"
                + (_isLenient ? "; what says where its parts are is missing, so that --lenient cannot help" : string.Empty),
            _ => FileProblem.Describe(exception),
        });

    private void CheckEnd()
    {
        if (_mappings == 0)
        {
            throw new InputException(
                _input.Name,
                null,
                _empty != 0 ? OnlyEmpty(_empty)
                : _vtdMappings != 0 ? $"{ForeignForms.VtdMappings} ({_vtdMappings} of its {Line} events)"
                : Problem is not null ? $"{Problem}; of what can be read, no event is an iommu:map or iommu:unmap"
                : $"has no iommu:map or iommu:unmap event among its {Line} events; record the trace with both events on");
        }
    }
}
