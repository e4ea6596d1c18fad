using System.Runtime.InteropServices;
using System.Threading.Channels;
using IommuKit.Domains;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Vfio;

/// <summary>
/// Pages that devices wait for, to be awaited and answered: in domains that <see cref="VfioHost.CreateDomain(DomainOptions?, HostFaults)"/> made
/// with it, a device whose access finds nothing mapped asks for the page and waits, where device and IOMMU can (PRI on PCI, stalls on Arm).
/// </summary>
/// <remarks>Accesses of devices that do not wait are refused as ever, and only the kernel's log has them.</remarks>
/// <example>
/// <code>
/// using var faults = host.CreateFaultQueue();
/// using var domain = host.CreateDomain(null, faults);
/// domain.Attach(device);
/// while (true)
/// {
///     var fault = await faults.ReadAsync();
///     domain.Map(fault.Iova, AddressOf(fault.Iova), domain.PageSize, Protection.Read | Protection.Write);
///     if (fault.IsLast)
///     {
///         faults.Respond(fault, HostFaultResponse.Success);
///     }
/// }
/// </code>
/// </example>
public sealed class HostFaults : IDisposable
{
    private const uint HasPasid = 1;
    private const uint LastOfGroup = 2;

    // The kernel gives whole groups of faults only: of one that does not fit into the buffer it gives nothing.
    private const int FirstFaults = 256;
    private const int MostFaults = 1 << 16;

    private readonly SafeFileHandle _iommufd;
    private readonly SafeFileHandle _file;
    private readonly SafeFileHandle _stop;
    private readonly Func<uint, VfioDevice?> _find;
    private readonly Action<IDisposable> _closed;
    private readonly Thread _thread;

    // What waits in it is no more than devices may have under way.
    private readonly Channel<HostFault> _faults = Channel.CreateUnbounded<HostFault>();
    private readonly Lock _gate = new();
    private int _domains;
    private bool _isClosed;

    /// <summary>Takes over a queue of the kernel's.</summary>
    /// <param name="iommufd">Whose it is.</param>
    /// <param name="id">What that calls it.</param>
    /// <param name="file">Where faults are read, and answers written.</param>
    /// <param name="stop">A file that counts events, by which the queue is told to end.</param>
    /// <param name="find">Finds a device by iommufd's number.</param>
    /// <param name="closed">Told once it is closed.</param>
    internal HostFaults(SafeFileHandle iommufd, uint id, SafeFileHandle file, SafeFileHandle stop, Func<uint, VfioDevice?> find, Action<IDisposable> closed)
    {
        _iommufd = iommufd;
        Id = id;
        _file = file;
        _stop = stop;
        _find = find;
        _closed = closed;
        _thread = new Thread(Run) { IsBackground = true, Name = "faults of devices" };
        _thread.Start();
    }

    /// <summary>What iommufd calls it.</summary>
    internal uint Id { get; }

    /// <summary>Waits for the next page that a device waits for. Any number may wait at once; each fault goes to one.</summary>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="OperationCanceledException">The wait was ended, or the queue disposed of.</exception>
    /// <exception cref="HostException">The kernel gives no more.</exception>
    public async ValueTask<HostFault> ReadAsync(CancellationToken cancellation = default)
    {
        try
        {
            return await _faults.Reader.ReadAsync(cancellation).ConfigureAwait(false);
        }
        catch (ChannelClosedException end)
        {
            throw end.InnerException as HostException as Exception ?? new OperationCanceledException("The queue of faults was disposed of.");
        }
    }

    /// <summary>Answers the group of a fault: after its last one, and once.</summary>
    /// <param name="fault">One of the group.</param>
    /// <param name="response">What the device is told.</param>
    /// <exception cref="HostException">It was answered already, or its device is gone.</exception>
    /// <exception cref="ObjectDisposedException">The queue was disposed of: the kernel has answered what was open.</exception>
    public void Respond(in HostFault fault, HostFaultResponse response)
    {
        ObjectDisposedException.ThrowIf(_isClosed, this);
        var answer = new IommufdPageResponse { Cookie = fault.Cookie, Code = (uint)response };
        nint count = HostCalls.Write(_file, MemoryMarshal.AsBytes(new ReadOnlySpan<IommufdPageResponse>(in answer)));
        if (count != Ioctls.SizeOf<IommufdPageResponse>())
        {
            throw Remedies.Failed(
                $"the page at IOVA 0x{fault.Iova:x} cannot be answered for",
                count < 0 ? (int)-count : Errno.Invalid,
                "answer each group once, after its last fault, and while its device is in the domain");
        }
    }

    /// <summary>Ends all waits, and the queue: the kernel tells devices that wait yet that there is no page.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                return;
            }

            _isClosed = true;
        }

        HostCalls.Raise(_stop);
        _thread.Join();
        _stop.Dispose();
        _file.Dispose();
        _faults.Writer.TryComplete();
        _closed(this);
        lock (_gate)
        {
            DestroyIfUnused();
        }
    }

    /// <summary>A domain sends its faults here.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed of.</exception>
    internal void Enter()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            _domains++;
        }
    }

    /// <summary>A domain does so no more: its page table is gone.</summary>
    internal void Leave()
    {
        lock (_gate)
        {
            _domains--;
            DestroyIfUnused();
        }
    }

    // The kernel keeps a queue that a page table refers to.
    private void DestroyIfUnused()
    {
        if (_isClosed && _domains == 0 && !_iommufd.IsClosed)
        {
            var destroy = new IommufdDestroy { Size = Ioctls.SizeOf<IommufdDestroy>(), Id = Id };
            Ioctls.Call(_iommufd, Ioctls.IommufdDestroy, ref destroy);
        }
    }

    private void Run()
    {
        var buffer = new IommufdPageFault[FirstFaults];
        try
        {
            while (!HostCalls.WaitForAny([_file, _stop])[1])
            {
                int count = HostCalls.Read(_file, MemoryMarshal.AsBytes(buffer.AsSpan()));
                if (count == 0)
                {
                    // There is something, and it is larger than the buffer.
                    buffer = buffer.Length < MostFaults ? new IommufdPageFault[2 * buffer.Length] : throw new IOException("nothing can be read");
                }
                else if (count > 0)
                {
                    Add(buffer.AsSpan(0, count / (int)Ioctls.SizeOf<IommufdPageFault>()));
                }
            }
        }
        catch (IOException failure)
        {
            _faults.Writer.TryComplete(new HostException(
                $"the kernel gives no more faults of devices: {failure.Message}; make another queue, and other domains with it", failure));
        }
    }

    private void Add(ReadOnlySpan<IommufdPageFault> faults)
    {
        foreach (ref readonly var fault in faults)
        {
            _faults.Writer.TryWrite(new HostFault(
                _find(fault.DeviceId),
                (fault.Flags & HasPasid) != 0 ? (int)fault.Pasid : IommuDomain.NoPasid,
                fault.Group,
                (fault.Flags & LastOfGroup) != 0,
                (HostFaultAccess)fault.Access,
                fault.Iova,
                fault.Length,
                fault.Cookie));
        }
    }
}
