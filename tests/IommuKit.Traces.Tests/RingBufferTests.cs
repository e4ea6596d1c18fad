using IommuKit.Traces.Dat;
using IommuKit.Traces.Tests.Support;

namespace IommuKit.Traces.Tests;

/// <summary>Pages of a ring buffer, word by word: 64 bytes, of which 48 are for records.</summary>
public sealed class RingBufferTests : IDisposable
{
    private const int PageBytes = 64;
    private const ulong Missed = 1ul << 31;
    private const ulong Stored = 1ul << 30;
    private const uint Padding = 29;
    private const uint TimeExtend = 30;
    private const uint TimeStamp = 31;

    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_record_may_end_where_the_page_does(bool isBig)
    {
        // Eleven words of data, and nothing behind them.
        uint[] data = [11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0a0b_0c0d];
        var record = Read(isBig, 7, 48, [Head(isBig, 11, 3), .. data]).ShouldHaveSingleItem();
        (record.Time, record.Lost, record.Bytes.Length).ShouldBe((10ul, 0ul, 44));
        new DatNumbers(isBig).U32(record.Bytes.AsSpan(0)).ShouldBe(11u);
        new DatNumbers(isBig).U32(record.Bytes.AsSpan(40)).ShouldBe(0x0a0b_0c0du);
    }

    [Theory]
    [InlineData(49ul)]
    [InlineData(0x10_0010ul)]
    [InlineData((1ul << 27) - 1)]
    public void More_bytes_than_a_page_has_are_not_in_use(ulong commit) =>
        Should.Throw<InvalidDataException>(() => Read(false, 7, commit, [])).Message.ShouldBe($"a page of 64 bytes says that {commit} are in use");

    [Theory]
    [InlineData(8u, 11u)]
    [InlineData(12u, 3u)]
    [InlineData(6u, 1u)]
    public void A_record_that_goes_beyond_what_is_in_use_is_damaged(ulong used, uint words) =>
        Should.Throw<InvalidDataException>(() => Read(false, 7, used, [Head(false, words, 0), 0, 0, 0]))
            .Message.ShouldBe("a page has no whole record at its byte 16");

    [Fact]
    public void The_last_word_in_use_may_be_a_header()
    {
        var records = Read(false, 7, 12, [Head(false, 1, 1), 0x55, Head(false, Padding, 0)]);
        records.ShouldHaveSingleItem().Time.ShouldBe(8ul);
        Should.Throw<InvalidDataException>(() => Read(false, 7, 12, [Head(false, 1, 1), 0x55, Head(false, TimeExtend, 0)]))
            .Message.ShouldBe("a page has no whole record at its byte 24");
    }

    /// <summary>The number is written behind the last record, where there is room for it; at least one is missing in any case.</summary>
    [Theory]
    [InlineData(0ul, 77ul, 0ul, 0ul)]
    [InlineData(Missed, 77ul, 0ul, 1ul)]
    [InlineData(Missed | Stored, 77ul, 0ul, 77ul)]
    [InlineData(Missed | Stored, 0ul, 0ul, 1ul)]
    [InlineData(Stored, 77ul, 0ul, 0ul)]
    [InlineData(Missed | Stored, 77ul, 40ul, 77ul)]
    [InlineData(Missed | Stored, 77ul, 44ul, 1ul)]
    [InlineData(Missed | Stored, 77ul, 48ul, 1ul)]
    public void Events_that_are_missing(ulong flags, ulong missing, ulong used, ulong lost)
    {
        uint words = (uint)used / 4;
        uint[] record = words == 0 ? [] : [Head(false, words - 1, 0), .. new uint[words - 1]];
        var records = Read(false, 7, used | flags, [.. record, (uint)missing, (uint)(missing >> 32)]);
        records.Where(one => one.Lost != 0).Select(one => one.Lost).ShouldBe(lost == 0 ? [] : [lost]);
        records.Count(one => one.Lost == 0).ShouldBe(words == 0 ? 0 : 1);
        if (lost != 0)
        {
            (records[0].Lost, records[0].Bytes.Length, records[0].Time).ShouldBe((lost, 0, 7ul));
        }
    }

    /// <summary>The kernel makes the time of a discarded event a 1 where it is 0, so that 1 says nothing.</summary>
    [Theory]
    [InlineData(1u, 100ul)]
    [InlineData(2u, 102ul)]
    [InlineData((1u << 27) - 1, 100ul + (1 << 27) - 1)]
    public void The_time_of_a_discarded_event_counts(uint delta, ulong time) =>
        Read(false, 100, 16, [Head(false, Padding, delta), 4, Head(false, 1, 0), 0]).ShouldHaveSingleItem().Time.ShouldBe(time);

    [Theory]
    [InlineData(0u, 0u, 100ul)]
    [InlineData(3u, 1u, 100ul + (1ul << 27) + 3)]
    [InlineData((1u << 27) - 1, uint.MaxValue, 100ul + (1ul << 59) - 1)]
    public void A_time_extension_counts_from_the_record_before(uint low, uint high, ulong time) =>
        Read(false, 100, 16, [Head(false, TimeExtend, low), high, Head(false, 1, 0), 0]).ShouldHaveSingleItem().Time.ShouldBe(time);

    /// <summary>A stamp has 59 bits; those above are of the time before, and one more if it would go back. Where there are none, it may.</summary>
    [Theory]
    [InlineData(100ul, 50u, 0u, 50ul)]
    [InlineData(100ul, 50u, 1u, (1ul << 27) + 50)]
    [InlineData((3ul << 59) + 100, 200u, 0u, (3ul << 59) + 200)]
    [InlineData((3ul << 59) + 100, 100u, 0u, (3ul << 59) + 100)]
    [InlineData((3ul << 59) + 100, 99u, 0u, (4ul << 59) + 99)]
    [InlineData((3ul << 59) + (5ul << 27), 0u, 6u, (3ul << 59) + (6ul << 27))]
    public void A_time_stamp_is_absolute(ulong before, uint low, uint high, ulong time) =>
        Read(false, before, 16, [Head(false, TimeStamp, low), high, Head(false, 1, 0), 0]).ShouldHaveSingleItem().Time.ShouldBe(time);

    [Theory]
    [InlineData(28u)]
    [InlineData(1u)]
    public void Types_below_29_are_lengths(uint words)
    {
        byte[] page = new byte[256];
        var numbers = new DatWriter();
        numbers.U64(9).CopyTo(page, 0);
        numbers.U64(4 + (4 * words)).CopyTo(page, 8);
        numbers.U32(Head(false, words, 1)).CopyTo(page, 16);
        Read(false, page, new PageLayout(8, 8, 16, 256)).ShouldHaveSingleItem().Bytes.Length.ShouldBe((int)words * 4);
    }

    /// <summary>A length that follows counts itself.</summary>
    [Theory]
    [InlineData(8u, 4)]
    [InlineData(5u, 1)]
    [InlineData(4u, 0)]
    public void A_length_that_follows_counts_itself(uint length, int bytes) =>
        Read(false, 7, 4 + length, [Head(false, 0, 1), length, 0, 0]).ShouldHaveSingleItem().Bytes.Length.ShouldBe(bytes);

    /// <summary>The record has no data then; what comes behind its length is where no record can be.</summary>
    [Fact]
    public void A_length_that_is_too_short_for_itself_leaves_nothing() =>
        Should.Throw<InvalidDataException>(() => Read(false, 7, 8, [Head(false, 0, 1), 2]))
            .Message.ShouldBe("a page has no whole record at its byte 22");

    [Theory]
    [InlineData(0u)]
    [InlineData(13u)]
    [InlineData(0xffff_fffcu)]
    public void A_length_of_nothing_or_too_much_is_damage(uint length) =>
        Should.Throw<InvalidDataException>(() => Read(false, 7, 16, [Head(false, 0, 1), length, 0, 0]))
            .Message.ShouldBe("a page has no whole record at its byte 16");

    [Fact]
    public void The_data_of_32_bit_kernels_begins_at_12()
    {
        byte[] page = new byte[PageBytes];
        var writer = new DatWriter();
        writer.U64(9).CopyTo(page, 0);
        writer.U32(8 | (uint)(Missed | Stored)).CopyTo(page, 8);
        writer.U32(Head(false, 1, 2)).CopyTo(page, 12);
        writer.U32(0x42).CopyTo(page, 16);
        writer.U32(5).CopyTo(page, 20);
        writer.U32(99).CopyTo(page, 24);
        var records = Read(false, page, new PageLayout(8, 4, 12, PageBytes));
        records.Select(one => (one.Lost, one.Time)).ShouldBe([(5ul, 9ul), (0ul, 11ul)]);
        records[1].Bytes.ShouldBe([0x42, 0, 0, 0]);
    }

    private static uint Head(bool isBig, uint type, uint delta) => new DatWriter(isBig).Header(type, delta);

    private List<(ulong Time, ulong Lost, byte[] Bytes)> Read(bool isBig, ulong time, ulong commit, uint[] words)
    {
        var writer = new DatWriter(isBig);
        byte[] page = [.. writer.U64(time), .. writer.U64(commit), .. words.SelectMany(writer.U32)];
        Array.Resize(ref page, PageBytes);
        return Read(isBig, page, new PageLayout(8, 8, 16, PageBytes));
    }

    private List<(ulong Time, ulong Lost, byte[] Bytes)> Read(bool isBig, byte[] page, PageLayout layout)
    {
        File.WriteAllBytes(_path, page);
        using var file = File.OpenRead(_path);
        using var compression = new DatCompression("none");
        var contents = new DatContents { Numbers = new DatNumbers(isBig), Page = layout };
        var cpu = new CpuData(0, 0, page.Length, IsCompressed: false);
        contents.Cpus.Add(cpu);
        var buffer = new RingBuffer(new CpuPages(new DatFile(file, null), contents, cpu, compression), layout, contents.Numbers);
        var records = new List<(ulong Time, ulong Lost, byte[] Bytes)>();
        while (buffer.MoveNext())
        {
            records.Add((buffer.Time, buffer.Lost, buffer.Data.ToArray()));
        }

        return records;
    }
}
