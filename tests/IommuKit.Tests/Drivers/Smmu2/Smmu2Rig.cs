using IommuKit.Domains;
using IommuKit.Drivers.Smmu2;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Smmu2;
using IommuKit.PageTables;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Tests.Drivers.Smmu2;

/// <summary>A driver, the model of an SMMUv2 behind registers that are written down, and devices that do DMA.</summary>
internal sealed class Smmu2Rig : IDisposable
{
    public const Protection ReadWrite = Protection.Read | Protection.Write;
    public const ulong Data = 0x4000_0000;
    private const ulong Pool = 0x1000_0000;

    private static readonly Smmu2Client[] s_clients = [new("usb", 8), new("disk", 0x23), new("gpu", 0x40, Mask: 7)];

    public Smmu2Rig(
        Smmu2Unit? unit = null,
        Smmu2DriverOptions? options = null,
        Smmu2ModelOptions? modelOptions = null,
        IReadOnlyList<Smmu2Client>? clients = null)
    {
        unit ??= Smmu2Unit.Full;
        options = (options ?? new Smmu2DriverOptions()) with { Version = unit.Version, IsMmu500 = unit.HasCacheLock };
        Unit = unit;
        Memory = new PhysicalMemory(1ul << 32, unit.IsCoherent);
        Model = new Smmu2Model<DeviceMemory>(unit, Memory.DeviceView, modelOptions);
        Bus = new WrittenRegisters(Model);
        Allocator = new PageAllocator(Memory.CpuView, Pool, 64 << 20);
        Driver = new Smmu2Driver(Bus, Memory, Allocator, clients ?? s_clients, options);
        Model.InterruptChanged = interrupt =>
        {
            if (interrupt.IsRaised)
            {
                Driver.HandleInterrupt();
            }
        };
    }

    public Smmu2Unit Unit { get; }

    public PhysicalMemory Memory { get; }

    public Smmu2Model<DeviceMemory> Model { get; }

    public WrittenRegisters Bus { get; }

    public PageAllocator Allocator { get; }

    public Smmu2Driver Driver { get; }

    public void Dispose()
    {
        Driver.Dispose();
        Memory.Dispose();
    }

    public IommuDomain Attached(SyncPolicy policy = SyncPolicy.Gather, int device = 0, ulong pageSizes = 0)
    {
        var domain = Driver.CreateDomain(new DomainOptions { Policy = policy, PageSizes = pageSizes, DeferredAge = Timeout.InfiniteTimeSpan });
        domain.Attach(Driver.Devices[device]);
        return domain;
    }

    /// <summary>Where an access of a device comes out; null if it does not.</summary>
    public ulong? Reach(ulong iova, bool isWrite = false, int device = 0)
    {
        uint stream = ((Smmu2StreamDevice)Driver.Devices[device]).StreamId;
        var answer = Model.Translate(new Smmu2Request(stream, iova, isWrite ? Smmu2Access.Write : Smmu2Access.Read));
        return answer.Range.IsAllowed ? answer.Range.PhysicalOf(iova) : null;
    }

    /// <summary>A device that reads and writes memory.</summary>
    public DmaDevice<DeviceMemory> Dma(int device = 0)
    {
        int stream = (int)((Smmu2StreamDevice)Driver.Devices[device]).StreamId;
        return new DmaDevice<DeviceMemory>(Model, Memory.DeviceView, stream, stream);
    }
}

/// <summary>Registers that list what was written to them.</summary>
internal sealed class WrittenRegisters(IMmio inner) : IMmio
{
    public List<(uint Offset, ulong Value)> Writes { get; } = [];

    public uint Read32(uint offset) => inner.Read32(offset);

    public void Write32(uint offset, uint value)
    {
        Writes.Add((offset, value));
        inner.Write32(offset, value);
    }

    public ulong Read64(uint offset) => inner.Read64(offset);

    public void Write64(uint offset, ulong value)
    {
        Writes.Add((offset, value));
        inner.Write64(offset, value);
    }
}
