using IommuKit.Dma;
using IommuKit.Domains;
using IommuKit.Drivers.Software;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Software;
using IommuKit.PageTables;
using IommuKit.Specs.X86;

namespace IommuKit.Tests.Dma;

/// <summary>A mapper over a software IOMMU, with a device behind a walker that forgets nothing by itself.</summary>
internal sealed class MappedMachine : IDisposable
{
    public const ulong Page = 4096;

    private readonly SoftwareIommu<X86Format> _iommu;

    public MappedMachine(DomainOptions? domain = null, DmaMapperOptions? options = null, bool isCoherent = true)
    {
        Memory = new PhysicalMemory(64 << 20, isCoherent);
        SoftwareWalker<X86Format, DeviceMemory>? walker = null;
        Tables = new PageAllocator(Memory.CpuView, 32 << 20, 16 << 20);
        _iommu = new SoftwareIommu<X86Format>(Tables, new SoftwareIommuOptions
        {
            InputBits = 48,
            OutputBits = 40,
            Cache = isCoherent ? null : Memory,
            Invalidated = gone => walker!.Invalidate(gone.Range.Iova, gone.Range.Bytes, gone.Range.ChangesTables),
        });
        options ??= new DmaMapperOptions();
        Mapper = new DmaMapper(
            _iommu,
            options with
            {
                Cache = isCoherent ? null : Memory,
                Memory = options.Memory ?? new DmaMemoryPool(Memory.CpuView, 48 << 20, 16 << 20),
            },
            domain);
        walker = new SoftwareWalker<X86Format, DeviceMemory>(Memory.DeviceView, ((PagingDomain)Mapper.Domain).RootAddress, 48, 40);
        Device = new DmaDevice<DeviceMemory>(walker, Memory.DeviceView, 0, 0);
    }

    public PhysicalMemory Memory { get; }

    public PageAllocator Tables { get; }

    public DmaMapper Mapper { get; }

    public DmaDevice<DeviceMemory> Device { get; }

    public bool CanWrite(ulong iova) => Device.Write(iova, [1]).IsComplete;

    public bool CanRead(ulong iova) => Device.Read(iova, new byte[1]).IsComplete;

    public void Dispose()
    {
        Mapper.Dispose();
        _iommu.Dispose();
        Memory.Dispose();
    }
}
