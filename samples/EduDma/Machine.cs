using IommuKit.Dma;
using IommuKit.Domains;
using IommuKit.Drivers.Software;
using IommuKit.Linux.Vfio;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Software;
using IommuKit.PageTables;
using IommuKit.Specs.X86;

namespace EduDma;

/// <summary>A mapper and a driver over it, of whatever there is; disposed of, nothing of it is left.</summary>
/// <param name="Mapper">Maps for the device.</param>
/// <param name="Driver">Drives it.</param>
public sealed record Machine(DmaMapper Mapper, EduDriver Driver, params IReadOnlyList<IDisposable> Parts) : IDisposable
{
    /// <summary>The real device: "0000:00:04.0", with vfio-pci.</summary>
    public static Machine OfDevice(string name, HostBackEnd backEnd = HostBackEnd.PreferIommufd)
    {
        var host = VfioHost.Open([name], backEnd);
        try
        {
            var mapper = new DmaMapper(host, new DmaMapperOptions { DeviceLast = EduDriver.LastIova, Memory = new HostPages() });
            var device = host.GetDevice(name);
            mapper.Domain.Attach(device);
            var access = device.Open();
            access.EnableBusMaster();
            var registers = access.MapRegion(0);
            var interrupts = access.EnableInterrupts(VfioInterruptKind.Msi);
            return new Machine(mapper, new EduDriver(registers, () => interrupts.WaitAsync()), access, mapper, host);
        }
        catch
        {
            // With everything that was made of it.
            host.Dispose();
            throw;
        }
    }

    /// <summary>A model, behind page tables in memory of this process.</summary>
    public static Machine OfModel()
    {
        var memory = new PhysicalMemory(64 << 20, isCoherent: true);
        SoftwareWalker<X86Format, DeviceMemory>? walker = null;
        var iommu = new SoftwareIommu<X86Format>(new PageAllocator(memory.CpuView, 32 << 20, 16 << 20), new SoftwareIommuOptions
        {
            InputBits = 48,
            OutputBits = 40,
            Invalidated = gone => walker!.Invalidate(gone.Range.Iova, gone.Range.Bytes, gone.Range.ChangesTables),
        });
        var pool = new DmaMemoryPool(memory.CpuView, 48 << 20, 16 << 20);
        var mapper = new DmaMapper(iommu, new DmaMapperOptions { DeviceLast = EduDriver.LastIova, Memory = pool });
        walker = new SoftwareWalker<X86Format, DeviceMemory>(memory.DeviceView, ((PagingDomain)mapper.Domain).RootAddress, 48, 40);
        var model = new EduModel(new DmaDevice<DeviceMemory>(walker, memory.DeviceView, 0, 0));
        return new Machine(mapper, new EduDriver(model), mapper, iommu, memory);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var part in Parts)
        {
            part.Dispose();
        }
    }
}
