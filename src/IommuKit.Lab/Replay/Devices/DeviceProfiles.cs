namespace IommuKit.Lab.Replay.Devices;

/// <summary>The kinds of device that come with the library.</summary>
/// <remarks>
/// Times of all of them are those that "Fast and Safe" (SOSP 2024) fitted to a server with Cascade Lake and a 100G NIC: they stand for that IOMMU and
/// its memory, whatever the device.
/// </remarks>
public static class DeviceProfiles
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<DeviceProfile> All { get; } =
    [
        new()
        {
            Name = "nic",
            Description = "a network card of 100 Gb/s: a ring of 1024 buffers, used in order, 64 between two interrupts",
            Queue = 1024,
            Burst = 64,
            RingBytes = 16 << 10,
            LinkGigabits = 100,
            HasFlows = true,
        },
        new()
        {
            Name = "nvme",
            Description = "an NVMe drive on four lanes of PCIe 4.0: commands soon after their map, pages in order",
            Queue = 32,
            Burst = 4,
            RingBytes = 64 << 10,
            DescriptorBytes = 64,
            LinkGigabits = 63,
        },
        new()
        {
            Name = "gpu",
            Description = "a GPU on sixteen lanes of PCIe 4.0: pages of each mapping in scattered order",
            Order = DeviceOrder.Scattered,
            Queue = 16,
            LinkGigabits = 252,
        },
    ];

    /// <summary>The profile of that name, or null.</summary>
    public static DeviceProfile? Find(string name) =>
        All.FirstOrDefault(profile => string.Equals(profile.Name, name, StringComparison.OrdinalIgnoreCase));
}
