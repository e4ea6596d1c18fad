using System.Runtime.InteropServices;
using IommuKit.Domains;
using IommuKit.Drivers.Vtd;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Vtd;
using IommuKit.PageTables;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Vtd;

namespace IommuKit.Tests.Drivers.Vtd;

/// <summary>The driver in front of the model, with everything written down that it queues, and devices that do DMA.</summary>
internal sealed class VtdBench : IMmio, IStatusWords, IDisposable
{
    public const Protection ReadWrite = Protection.Read | Protection.Write;
    public const ulong Data = 0x4000_0000;

    private const ulong Pool = 1 << 20;
    private readonly VtdModel<DeviceMemory> _model;
    private readonly Dictionary<ushort, VtdDeviceTlb<DeviceMemory>> _tlbs = [];
    private readonly HostStatusWords _words;
    private readonly uint _bytes;
    private ulong _queue;
    private ulong _tail;

    public VtdBench(VtdUnit? unit = null, VtdDriverOptions? options = null, IReadOnlyList<VtdFunction>? functions = null)
    {
        unit ??= VtdUnit.Server48;
        Memory = new PhysicalMemory(1ul << 32, isCoherent: true);
        _model = new VtdModel<DeviceMemory>(unit, Memory.DeviceView);
        Allocator = new PageAllocator(Memory.CpuView, Pool, 32 << 20);
        _words = new HostStatusWords(Memory.CpuView);
        _bytes = options is null or { Mode: VtdMode.Legacy } ? 16u : 32;
        Driver = new VtdDriver(unit, this, Memory, Allocator, functions ?? [new VtdFunction(0x0010), new VtdFunction(0x0100)], options, statusWords: this);
        foreach (var device in Driver.Devices.Cast<VtdDevice>().Where(device => device.HasDeviceTlb))
        {
            _tlbs[device.SourceId] = new VtdDeviceTlb<DeviceMemory>(_model, device.SourceId) { AsksAgain = true };
        }

        _model.DeviceTlbInvalidated = what => !_tlbs.TryGetValue(what.Source, out var tlb) || tlb.TryDrop(what);
        _model.MessageSent = _ => Driver.HandleInterrupt();
        Descriptors.Clear();
    }

    public VtdModel<DeviceMemory> Model => _model;

    public PhysicalMemory Memory { get; }

    public PageAllocator Allocator { get; }

    public VtdDriver Driver { get; }

    /// <summary>What was handed over, but for waits; and how many there were of these.</summary>
    public List<VtdInvalidationDescriptor> Descriptors { get; } = [];

    public int Waits { get; private set; }

    /// <summary>Called before each write of a register.</summary>
    public Action<uint>? Writing { get; set; }

    /// <summary>Called before each look whether a wait was answered.</summary>
    public Action? Waiting { get; set; }

    /// <summary>If set, no wait is ever answered.</summary>
    public bool IsStuck { get; set; }

    /// <summary>If set, a descriptor is spoiled the next time that the tail is written.</summary>
    public bool SpoilsNext { get; set; }

    public IommuDomain MakeAttached(SyncPolicy policy, DomainOptions? options = null)
    {
        var domain = Driver.CreateDomain((options ?? new DomainOptions()) with { Policy = policy, Clock = new Support.ManualClock() });
        domain.Attach(Driver.Devices[0]);
        Descriptors.Clear();
        Waits = 0;
        return domain;
    }

    public DmaDevice<DeviceMemory> Dma(int device)
    {
        ushort source = ((VtdDevice)Driver.Devices[device]).SourceId;
        IIommuModel way = _tlbs.TryGetValue(source, out var tlb) ? tlb : _model;
        return new DmaDevice<DeviceMemory>(way, Memory.DeviceView, source, source);
    }

    public bool CanRead(ulong iova, int device = 0) => Dma(device).Read(iova, new byte[8]).IsComplete;

    /// <summary>Where a device's write comes out; null if it is refused.</summary>
    public ulong? WhereIs(ulong iova, int device = 0, int pasid = VtdRequest.NoPasid)
    {
        ushort source = ((VtdDevice)Driver.Devices[device]).SourceId;
        var translation = _tlbs.TryGetValue(source, out var tlb)
            ? tlb.Translate(iova, VtdAccess.Write, pasid).Range
            : _model.Translate(new VtdRequest(source, iova, VtdAccess.Write, pasid)).Range;
        return translation.IsAllowed ? translation.PhysicalOf(iova) : null;
    }

    /// <summary>Lets the unit forget everything, but not the devices.</summary>
    public void Evict() => _model.Evict();

    /// <summary>Words of memory.</summary>
    public ulong[] Words(ulong address, int count) =>
        MemoryMarshal.Cast<byte, ulong>(Memory.CpuView.Span(address, count * sizeof(ulong))).ToArray();

    /// <summary>Where the entry of a PASID is, in scalable mode.</summary>
    public ulong PasidEntryOf(ushort source, int pasid)
    {
        ulong contexts = Words((Read64(VtdRegister.RootTable) & ~0xffful) + ((ulong)(source >> 7) * 8), 1)[0] & ~0xffful;
        ulong directory = Words(contexts + ((ulong)(source & 0x7f) * 32), 1)[0] & ~0xffful;
        return (Words(directory + ((ulong)(pasid >> 6) * 8), 1)[0] & ~0xffful) + ((ulong)(pasid & 63) * 64);
    }

    public bool HasReached(ulong address, uint number)
    {
        Waiting?.Invoke();
        return !IsStuck && _words.HasReached(address, number);
    }

    public uint Read32(uint offset) => _model.Read32(offset);

    public ulong Read64(uint offset) => _model.Read64(offset);

    public void Write32(uint offset, uint value)
    {
        Writing?.Invoke(offset);
        if (offset == VtdRegister.QueueTail)
        {
            WriteDown(value);
        }

        _model.Write32(offset, value);
    }

    public void Write64(uint offset, ulong value)
    {
        Writing?.Invoke(offset);
        if (offset == VtdRegister.QueueAddress)
        {
            (_queue, _tail) = (value & ~0xffful, 0);
        }

        _model.Write64(offset, value);
    }

    public void Dispose()
    {
        Driver.Dispose();
        Memory.Dispose();
    }

    private void WriteDown(ulong tail)
    {
        for (; _tail != tail; _tail = (_tail + _bytes) & ((_bytes << 8) - 1))
        {
            var words = MemoryMarshal.Cast<byte, ulong>(Memory.CpuView.Span(_queue + _tail, VtdInvalidationDescriptor.Bytes));
            if (SpoilsNext)
            {
                SpoilsNext = false;
                words[0] |= 1ul << 63;
            }

            var descriptor = new VtdInvalidationDescriptor(words[0], words[1], 0, 0);
            if (descriptor is { Type: VtdInvalidationType.Wait, WritesStatus: true })
            {
                Waits++;
            }
            else
            {
                Descriptors.Add(descriptor);
            }
        }
    }
}
