using System.Globalization;
using IommuKit.Specs.Vtd;

namespace IommuKit.Linux.Host;

/// <summary>Finds out what an IOMMU of /sys/class/iommu is, and can do.</summary>
internal static class IommuReader
{
    private const string Class = "/sys/class/iommu";
    private const int MostIommus = 1024;

    // All powers of two from 4 KiB on, but for 512 GiB, which hardware gets wrong.
    private const ulong AmdPageSizes = (~0ul << 12) & ~(1ul << 39);

    /// <summary>All IOMMUs.</summary>
    public static IReadOnlyList<HostIommu> ReadAll(HostFiles files) =>
        [.. files.Names(Class).Take(MostIommus).Order(NumberedNames.Comparer).Select(name => Read(files, name, $"{Class}/{name}"))];

    private static HostIommu Read(HostFiles files, string name, string path)
    {
        var iommu = new HostIommu(name) { Devices = files.Names($"{path}/devices").Count };
        if (files.HasFolder($"{path}/intel-iommu"))
        {
            return WithVtd(iommu, files, $"{path}/intel-iommu");
        }

        if (files.HasFolder($"{path}/amd-iommu"))
        {
            return WithAmd(iommu, files, $"{path}/amd-iommu");
        }

        return iommu with { Kind = KindByName(name) ?? KindByDriver(files.LinkName($"{path}/device/driver")) };
    }

    private static string? KindByName(string name) =>
        name.StartsWith("smmu3.", StringComparison.Ordinal) ? "SMMUv3"
        : name.StartsWith("smmu.", StringComparison.Ordinal) ? "SMMUv2"
        : name.StartsWith("riscv-iommu", StringComparison.Ordinal) ? "RISC-V IOMMU"
        : null;

    private static string? KindByDriver(string? driver) => driver switch
    {
        "virtio_iommu" => "virtio-iommu",
        _ => driver,
    };

    private static HostIommu WithVtd(HostIommu iommu, HostFiles files, string path)
    {
        iommu = iommu with { Kind = "VT-d" };
        if (!TryReadHex(files, $"{path}/cap", out ulong cap) || !TryReadHex(files, $"{path}/ecap", out ulong ecap))
        {
            return iommu;
        }

        var can = new VtdCapability(cap);
        var canToo = new VtdExtendedCapability(ecap);
        return iommu with
        {
            InputBits = can.MaxGuestWidth,
            PageSizes = (1ul << 12) | (can.SecondStage2M ? 1ul << 21 : 0) | (can.SecondStage1G ? 1ul << 30 : 0),
            Features = Those(
                (can.CachingMode, "caching mode"),
                (canToo.IsCoherent, "walks snoop"),
                (can.PageSelectiveInvalidation, "flushes of pages"),
                (canToo.QueuedInvalidation, "invalidation queue"),
                (canToo.DeviceTlb, "device TLBs"),
                (canToo.PageRequests, "page requests"),
                (canToo.Pasid, "PASIDs"),
                (canToo.ScalableMode, "scalable mode"),
                (canToo.SecondStageAccessedDirty, "dirty tracking"),
                (canToo.InterruptRemapping, "interrupt remapping"),
                (can.PostedInterrupts, "posted interrupts"),
                (canToo.PassThrough, "pass-through")),
        };
    }

    /// <summary>The register of extended features (AMD's specification 48882, MMIO offset 0x30), which newer kernels print with a second one behind.</summary>
    private static HostIommu WithAmd(HostIommu iommu, HostFiles files, string path)
    {
        iommu = iommu with { Kind = "AMD-Vi" };
        if (!TryReadHex(files, $"{path}/features", out ulong features))
        {
            return iommu;
        }

        bool Bit(int bit) => (features >> bit & 1) != 0;
        int levels = 4 + (int)(features >> 10 & 3);
        return iommu with
        {
            InputBits = levels switch { 4 => 48, 5 => 57, 6 => 64, _ => null },
            PageSizes = AmdPageSizes,
            Features = Those(
                (Bit(1), "page requests"),
                (Bit(4), "guest tables (PASIDs)"),
                (Bit(6), "flush of everything"),
                (Bit(52), "dirty tracking")),
        };
    }

    private static List<string> Those(params ReadOnlySpan<(bool Has, string Name)> all)
    {
        var names = new List<string>();
        foreach (var (has, name) in all)
        {
            if (has)
            {
                names.Add(name);
            }
        }

        return names;
    }

    private static bool TryReadHex(HostFiles files, string path, out ulong value) => ulong.TryParse(
        files.TryRead(path)?.Split(':')[0].Trim() ?? string.Empty, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
}
