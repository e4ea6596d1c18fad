using IommuKit.Traces.Tests.Support;

namespace IommuKit.Traces.Tests.Fuzzing;

/// <summary>Small whole trace.dat files of both versions, byte orders and all compressions.</summary>
internal static class DatSeeds
{
    public static IEnumerable<byte[]> All()
    {
        foreach (bool isBig in (bool[])[false, true])
        {
            var writer = new DatWriter(isBig);
            writer.Cpus[0].Add(writer.Page(
                1000,
                0,
                0,
                writer.Record(0, writer.MapData(0x1000, 0x8000, 4096)),
                writer.Record(5, writer.QueueData(0x500f2, 0x7f_f002, "dmar3")),
                writer.Record(5, writer.UnmapData(0x1000, 4096, 8192)),
                writer.Record(5, writer.UnmapData(0x1000, 0, 0))));
            writer.Cpus[1].Add(writer.Page(1005, (1u << 31) | (1u << 30), 77, writer.Record(0, writer.MapData(0x2000, 0x9000, 4096))));
            writer.Cpus[1].Add(writer.Page(2000, 0, 0, writer.Record(9, writer.UnmapData(0x2000, 4096, 4096))));
            yield return writer.Version6();
            foreach (string compression in (string[])["none", "zlib", "zstd"])
            {
                yield return writer.Version7(compression);
            }
        }
    }
}
