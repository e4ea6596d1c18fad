using System.IO.Compression;
using System.Text;

namespace IommuKit.Traces.Tests.Fuzzing;

/// <summary>Small whole traces in many forms: the starts of the repository's samples, and lines made here.</summary>
internal static class TextSeeds
{
    private const int Lines = 40;

    private static readonly string[] Fronts =
    [
        "        modprobe-108     [001] .....     7.590418: {0}: ", "     CPU 0/KVM-3046    (  3044) [001] d..1.     7.590418: {0}: ", "{0}: ",
        "modprobe-108       1dNh1.  500us!: {0}: ", "    modprobe     108   1 0 00000000 00000001 [0073d264] 556.901ms (+8.325ms): {0}: ",
        "    modprobe-108   [001]     7.590500: (+82)    {0}:                ", "    modprobe   108 [001]     7.590418000:          1 iommu:{0}: ",
        "     7.590418 |   1)  modprob-108  |               |    /* {0}: ", "[    7.590418] {0}: ",
    ];

    private static readonly (string Name, string Fields)[] Events =
    [
        ("map", "IOMMU: iova=0x00000000f8000000 - 0x00000000f8006000 paddr=0x00000000fa000000 size=24576"),
        ("unmap", "IOMMU: iova=0xf8000000 - 0xf8006000 size=24576 unmapped_size=24576"),
        ("map", "IOMMU: iova=0xf8000000 paddr=0xfa000000 size=24576"), ("unmap", "IOMMU: iova=0xf8000000 size=0 unmapped_size=0"),
        ("map", "iova=0xf8000000 (4160749568) paddr=0xfa000000 (4194304000) size=0x6000 (24576)"),
        ("unmap", "[FAILED TO PARSE] iova=0xf8000000 size=0x6000 unmapped_size=4096"), ("qi_submit", "iotlb_inv dmar0: 0x500f2 0x7ff000 0x0 0x0"),
        ("cache_tag_flush_range", "dmar0 0000:00:03.0[0] type iotlb did 5 [0x7ff000-0x7fffff] addr 0x7ff000 pages 0x1 mask 0x0"),
        ("cache_tag_flush_all", "dmar0/0000:00:03.0 type devtlb did 5 pasid 0 ref 1"), ("attach_device_to_domain", "IOMMU: device=0000:00:03.0"),
        ("map_sg", "dev=0000:00:03.0 [1/3] dev_addr=0xfffe0000 phys_addr=0x6c66000 size=4096"),
        ("sched_switch", "prev_comm=a prev_pid=1 ==> next_comm=map"),
    ];

    private static readonly string[] Tails =
        ["", " */", " ffffffff844e6739 iommu_map+0x59", "                0 [unknown] ([unknown])", " /user.slice", "\r"];

    /// <summary>The starts of the samples.</summary>
    public static IReadOnlyList<byte[][]> Samples { get; } =
    [
        .. Directory.GetFiles(RepositoryFiles.InRepository("samples"), "*.trace.gz").Order(StringComparer.Ordinal).Select(Start),
    ];

    /// <summary>A few lines of all kinds.</summary>
    public static byte[][] Generate(Random random)
    {
        var lines = new List<string>();
        if (random.Next(4) == 0)
        {
            lines.AddRange(["# tracer: nop", "#"]);
        }

        string front = Fronts[random.Next(Fronts.Length)];
        string tail = Tails[random.Next(Tails.Length)];
        for (int count = 2 + random.Next(10); count != 0; count--)
        {
            var (name, fields) = Events[random.Next(Events.Length)];
            lines.Add(front.Replace("{0}", name, StringComparison.Ordinal) + fields + tail);
        }

        return [.. lines.Select(Encoding.ASCII.GetBytes)];
    }

    public static byte[] Join(IEnumerable<byte[]> lines) => [.. lines.SelectMany(line => (byte[])[.. line, (byte)'\n'])];

    /// <summary>The lines at the start of a sample, under no heading that promises more.</summary>
    private static byte[][] Start(string sample)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(sample), CompressionMode.Decompress), Encoding.ASCII);
        var lines = new List<byte[]>();
        while (lines.Count < Lines && reader.ReadLine() is { } line)
        {
            if (!line.Contains("entries-in-buffer", StringComparison.Ordinal))
            {
                lines.Add(Encoding.ASCII.GetBytes(line));
            }
        }

        return [.. lines];
    }
}
