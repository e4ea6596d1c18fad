using System.Text;
using IommuKit.Traces.Dat;
using IommuKit.Traces.Files;
using IommuKit.Traces.Tests.Support;

namespace IommuKit.Traces.Tests;

/// <summary>trace.dat files that are small and ask for much: for memory above all.</summary>
public sealed class DatLimitsTests : IDisposable
{
    private const int Chunk = 300 << 20;

    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Large_pages_of_many_processors_are_not_taken_into_memory()
    {
        var writer = new DatWriter { Cpus = [.. Enumerable.Range(0, 100).Select(_ => new List<byte[]> { new byte[DatWriter.PageBytes] })] };
        byte[] file = writer.Version6();
        Replace(file, "data;\toffset:16;\tsize:4080;", "data;offset:16;size:999999;");
        Refuse(file).ShouldContain("pages of 1000015 bytes for 100 processors");
    }

    [Fact]
    public void A_chunk_that_grows_beyond_measure_is_not_decompressed()
    {
        var writer = new DatWriter();
        writer.Cpus[0].Add(writer.Page(1, 0, 0, writer.Record(0, writer.MapData(0x1000, 0x8000, 4096))));
        byte[] file = writer.Version7("zstd");

        // The last piece that zstd compressed is the page; its length stands before it.
        int chunk = file.AsSpan().LastIndexOf((ReadOnlySpan<byte>)[0x28, 0xb5, 0x2f, 0xfd]);
        writer.U32(Chunk).CopyTo(file, chunk - 4);
        Refuse(file).ShouldContain($"it has a chunk of {Chunk} bytes");
    }

    [Fact]
    public void Formats_that_no_kernel_has_are_refused_before_they_are_searched()
    {
        string line = "\tfield:" + new string('a', 60_000);
        EventFormat.Parse(Encoding.ASCII.GetBytes($"name: x\nID: 1\n{line}\n")).Fields.ShouldBeEmpty();
        byte[] file = new DatWriter { MoreFormat = "name: x\nID: 1\n" + new string('\n', EventFormat.MaxBytes) }.Version6();
        Refuse(file).ShouldContain($"or one of more than {EventFormat.MaxBytes} bytes");
    }

    [Theory]
    [InlineData("6")]
    [InlineData("7")]
    public void Flushes_of_cache_tags_are_read(string version)
    {
        var writer = new DatWriter
        {
            MoreFormat = "name: cache_tag_flush_range_np\nID: 1151\nformat:\n"
                + "\tfield:__data_loc char[] iommu;\toffset:8;\tsize:4;\tsigned:0;\n\tfield:u16 type;\toffset:12;\tsize:2;\tsigned:0;\n"
                + "\tfield:u16 domain_id;\toffset:14;\tsize:2;\tsigned:0;\n\tfield:unsigned long start;\toffset:16;\tsize:8;\tsigned:0;\n"
                + "\tfield:unsigned long end;\toffset:24;\tsize:8;\tsigned:0;\n\tfield:unsigned long addr;\toffset:32;\tsize:8;\tsigned:0;\n"
                + "\tfield:unsigned long pages;\toffset:40;\tsize:8;\tsigned:0;\n\tfield:unsigned long mask;\toffset:48;\tsize:8;\tsigned:0;\n",
        };
        writer.Cpus[0].Add(writer.Page(7, 0, 0, Flush(mask: 2), Flush(mask: 64), writer.Record(0, writer.MapData(0x1000, 0x8000, 4096))));
        File.WriteAllBytes(_path, version == "6" ? writer.Version6() : writer.Version7("zstd"));
        using var reader = TraceFile.Open(_path, isLenient: true);
        reader.Read(out var flush).ShouldBeTrue();
        flush.ShouldBe(new TraceEvent(TraceEventKind.CacheTagFlush, 1, 7, 0x7fc000, 0, 0x4000)
        {
            Unit = 3,
            DomainId = 5,
            Flush = CacheTagFlush.AfterMap | CacheTagFlush.DeviceTlb,
        });
        reader.Read(out var damaged).ShouldBeTrue();
        damaged.Kind.ShouldBe(TraceEventKind.Damaged);

        byte[] Flush(ulong mask) => writer.Record(
            0,
            [.. writer.U16(1151), 0, 0, .. writer.U32(1), .. writer.U32(56u | (6u << 16)), .. writer.U16(1), .. writer.U16(5)],
            [.. writer.U64(0x7fd000), .. writer.U64(0x7fffff), .. writer.U64(0x7fd000), .. writer.U64(3), .. writer.U64(mask)],
            [.. "dmar3\0\0\0"u8]);
    }

    private static void Replace(byte[] file, string what, string with)
    {
        with.Length.ShouldBe(what.Length);
        Encoding.ASCII.GetBytes(with).CopyTo(file, file.AsSpan().IndexOf(Encoding.ASCII.GetBytes(what)));
    }

    private string Refuse(byte[] file)
    {
        File.WriteAllBytes(_path, file);
        long before = GC.GetAllocatedBytesForCurrentThread();
        string message = Should.Throw<InputException>(() =>
        {
            using var reader = TraceFile.Open(_path, isLenient: false);
            reader.Read(out _);
        }).Message;
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(10_000_000);
        message.ShouldStartWith(_path);
        return message;
    }
}
