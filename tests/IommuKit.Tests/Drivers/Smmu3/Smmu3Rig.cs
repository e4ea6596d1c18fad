using IommuKit.Domains;
using IommuKit.Drivers.Smmu3;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Smmu3;
using IommuKit.PageTables;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Tests.Drivers.Smmu3;

/// <summary>A driver, the model of an SMMUv3 behind registers that can be watched, and devices that do DMA.</summary>
internal sealed class Smmu3Rig : IDisposable
{
    public const Protection ReadWrite = Protection.Read | Protection.Write;
    public const ulong Data = 0x4000_0000;
    private const ulong Pool = 0x1000_0000;

    private static readonly Smmu3Client[] s_streams = [new("nic", 8), new("disk", 0x123), new("gpu", 0x1234)];

    public Smmu3Rig(
        Smmu3Unit? unit = null,
        Smmu3DriverOptions? options = null,
        Smmu3ModelOptions? modelOptions = null,
        IReadOnlyList<Smmu3Client>? streams = null)
    {
        unit ??= Smmu3Unit.Full;
        Memory = new PhysicalMemory(1ul << 33, unit.IsCoherent);
        Model = new Smmu3Model<DeviceMemory>(unit, Memory.DeviceView, modelOptions);
        Bus = new WatchedRegisters(Model);
        Allocator = new PageAllocator(Memory.CpuView, Pool, 64 << 20);
        Driver = new Smmu3Driver(Bus, Memory, Allocator, streams ?? s_streams, options);
        Model.InterruptRaised = _ => Driver.HandleInterrupt();
    }

    public PhysicalMemory Memory { get; }

    public Smmu3Model<DeviceMemory> Model { get; }

    public WatchedRegisters Bus { get; }

    public PageAllocator Allocator { get; }

    public Smmu3Driver Driver { get; }

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
    public ulong? Reach(ulong iova, bool isWrite = false, int device = 0, int substream = Smmu3Request.NoSubstream)
    {
        uint stream = ((Smmu3StreamDevice)Driver.Devices[device]).StreamId;
        var answer = Model.Translate(new Smmu3Request(stream, iova, isWrite ? Smmu3Access.Write : Smmu3Access.Read, substream));
        return answer.Range.IsAllowed ? answer.Range.PhysicalOf(iova) : null;
    }

    /// <summary>A device that reads and writes memory.</summary>
    public DmaDevice<DeviceMemory> Dma(int device = 0)
    {
        int stream = (int)((Smmu3StreamDevice)Driver.Devices[device]).StreamId;
        return new DmaDevice<DeviceMemory>(Model, Memory.DeviceView, stream, stream);
    }
}

/// <summary>Registers that tell of each access before it is made, and list what was written.</summary>
internal sealed class WatchedRegisters(IMmio inner) : IMmio
{
    public Action<uint, bool>? Accessed { get; set; }

    public int Doorbells { get; set; }

    public uint Read32(uint offset)
    {
        Accessed?.Invoke(offset, false);
        return inner.Read32(offset);
    }

    public void Write32(uint offset, uint value)
    {
        Accessed?.Invoke(offset, true);
        Doorbells += offset == Smmu3Register.CommandProducer ? 1 : 0;
        inner.Write32(offset, value);
    }

    public ulong Read64(uint offset) => inner.Read64(offset);

    public void Write64(uint offset, ulong value) => inner.Write64(offset, value);
}
