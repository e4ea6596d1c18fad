using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace IommuKit.Traces.Tests.Support;

/// <summary>Makes small files of trace-cmd's format, versions 6 and 7.</summary>
internal sealed class DatWriter
{
    public const int PageBytes = 4096;
    public const ushort MapId = 1149;
    public const ushort UnmapId = 1148;
    public const ushort QueueId = 1150;

    private const string Common =
        "format:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n";

    private const string Map = $"name: map\nID: 1149\n{Common}\tfield:u64 iova;\toffset:8;\tsize:8;\tsigned:0;\n"
        + "\tfield:u64 paddr;\toffset:16;\tsize:8;\tsigned:0;\n\tfield:size_t size;\toffset:24;\tsize:8;\tsigned:0;\n";

    private const string Unmap = $"name: unmap\nID: 1148\n{Common}\tfield:u64 iova;\toffset:8;\tsize:8;\tsigned:0;\n"
        + "\tfield:size_t size;\toffset:16;\tsize:8;\tsigned:0;\n\tfield:size_t unmapped_size;\toffset:24;\tsize:8;\tsigned:0;\n";

    private const string Queue = $"name: qi_submit\nID: 1150\n{Common}\tfield:u64 qw0;\toffset:8;\tsize:8;\tsigned:0;\n"
        + "\tfield:u64 qw1;\toffset:16;\tsize:8;\tsigned:0;\n\tfield:u64 qw2;\toffset:24;\tsize:8;\tsigned:0;\n"
        + "\tfield:u64 qw3;\toffset:32;\tsize:8;\tsigned:0;\n\tfield:__data_loc char[] iommu;\toffset:40;\tsize:4;\tsigned:0;\n";

    private const string HeaderPage = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
        + "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
        + "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;\n";

    private readonly bool _isBig;

    public DatWriter(bool isBig = false)
    {
        _isBig = isBig;
    }

    public string Clock { get; init; } = "global";

    /// <summary>A further format of an event of intel_iommu, or empty.</summary>
    public string MoreFormat { get; init; } = "";

    /// <summary>What the kernel's file saved_cmdlines has.</summary>
    public string SavedTasks { get; init; } = "";

    /// <summary>Pages of each processor.</summary>
    public List<byte[]>[] Cpus { get; init; } = [[], []];

    /// <summary>An event of the ring buffer: a header and data.</summary>
    public byte[] Record(uint delta, params byte[][] data)
    {
        byte[] all = [.. data.SelectMany(part => part)];
        return [.. U32(Header((uint)all.Length / 4, delta)), .. all];
    }

    public uint Header(uint type, uint delta) => _isBig ? (type << 27) | delta : type | (delta << 5);

    public byte[] MapData(ulong iova, ulong address, ulong size) => [.. U16(MapId), 0, 0, .. U32(1), .. U64(iova), .. U64(address), .. U64(size)];

    public byte[] UnmapData(ulong iova, ulong size, ulong unmapped) =>
        [.. U16(UnmapId), 0, 0, .. U32(1), .. U64(iova), .. U64(size), .. U64(unmapped)];

    public byte[] QueueData(ulong qw0, ulong qw1, string unit) =>
    [
        .. U16(QueueId), 0, 0, .. U32(1), .. U64(qw0), .. U64(qw1), .. U64(0), .. U64(0), .. U32(44u | (8u << 16)),
        .. Encoding.ASCII.GetBytes(unit.PadRight(8, '\0')),
    ];

    /// <summary>A page of the ring buffer.</summary>
    public byte[] Page(ulong time, uint flags, ulong missed, params byte[][] records)
    {
        byte[] data = [.. records.SelectMany(record => record)];
        byte[] page = [.. U64(time), .. U64((uint)data.Length | flags), .. data, .. U64(missed)];
        Array.Resize(ref page, PageBytes);
        return page;
    }

    public byte[] Version6()
    {
        byte[] header =
        [
            .. Start("6"), .. Layout(), .. U32(0), .. Formats(), .. U32(0), .. U32(0), .. Sized64(SavedTasks), .. U32((uint)Cpus.Length),
            .. "options  \0"u8, .. U16(4), .. Sized("local [" + Clock + "] x86-tsc\n\0"), .. U16(99), .. U32(2), 0, 0, .. U16(0), .. "flyrecord\0"u8,
        ];
        ulong offset = RoundUp((ulong)header.Length + (16 * (ulong)Cpus.Length));
        var file = new List<byte>(header);
        foreach (var cpu in Cpus)
        {
            ulong bytes = (ulong)cpu.Count * PageBytes;
            file.AddRange([.. U64(offset), .. U64(bytes)]);
            offset += bytes;
        }

        file.AddRange(new byte[RoundUp((ulong)file.Count) - (ulong)file.Count]);
        file.AddRange(Cpus.SelectMany(cpu => cpu).SelectMany(page => page));
        return [.. file];
    }

    /// <summary>A file of version 7.</summary>
    /// <param name="compression">The compression's name: none, zlib or zstd; others are only named.</param>
    public byte[] Version7(string compression)
    {
        var file = new List<byte>([.. Start("7"), .. Encoding.ASCII.GetBytes(compression), 0, .. "1.0\0"u8]);
        int first = file.Count;
        file.AddRange(U64(0));
        ulong layout = Section(file, 16, Layout(), compression);
        ulong formats = Section(file, 18, Formats(), compression);
        byte[] tasks = SavedTasks.Length == 0
            ? []
            : [.. U16(21), .. U32(8), .. U64(Section(file, 21, Sized64(SavedTasks), compression))];
        ulong buffer = (ulong)file.Count;
        file.AddRange([.. U16(3), .. U16(compression == "none" ? (ushort)0 : (ushort)1), .. U32(0), .. U64(0)]);
        var places = new List<byte>();
        for (int cpu = 0; cpu < Cpus.Length; cpu++)
        {
            ulong offset = (ulong)file.Count;
            if (compression == "none")
            {
                file.AddRange(Cpus[cpu].SelectMany(page => page));
            }
            else
            {
                // A chunk for each page.
                file.AddRange(U32((uint)Cpus[cpu].Count));
                file.AddRange(Cpus[cpu].SelectMany(page => Chunk(page, compression)));
            }

            places.AddRange([.. U32((uint)cpu), .. U64(offset), .. U64((ulong)file.Count - offset)]);
        }

        byte[] buffers = [.. U64(buffer), 0, .. Encoding.ASCII.GetBytes(Clock), 0, .. U32(PageBytes), .. U32((uint)Cpus.Length), .. places];
        ulong last = Section(file, 0, [.. U16(3), .. U32((uint)buffers.Length), .. buffers, .. U16(0), .. U32(8), .. U64(0)], "none");
        ulong options = Section(
            file, 0, [.. U16(16), .. U32(8), .. U64(layout), .. U16(18), .. U32(8), .. U64(formats), .. tasks, .. U16(0), .. U32(8), .. U64(0)], "none");

        // The options go forward: those that are written last come last.
        (options, last) = (last, options);
        byte[] result = [.. file];
        U64(options).CopyTo(result, first);
        int done = (int)options + 16 + 6 + buffers.Length + 6;
        U64(last).CopyTo(result, done);
        return result;
    }

    private static ulong RoundUp(ulong offset) => (offset + PageBytes - 1) / PageBytes * PageBytes;

    private byte[] Start(string version) =>
        [0x17, 0x08, 0x44, .. "tracing"u8, .. Encoding.ASCII.GetBytes(version), 0, _isBig ? (byte)1 : (byte)0, 8, .. U32(PageBytes)];

    private byte[] Layout() => [.. "header_page\0"u8, .. Sized64(HeaderPage), .. "header_event\0"u8, .. Sized64("type")];

    private byte[] Formats() =>
    [
        .. U32(3), .. "sched\0"u8, .. U32(1), .. Sized64("name: other\nID: 300\n"), .. "iommu\0"u8, .. U32(2), .. Sized64(Map), .. Sized64(Unmap),
        .. "intel_iommu\0"u8, .. U32(MoreFormat.Length == 0 ? 1u : 2u), .. Sized64(Queue), .. MoreFormat.Length == 0 ? [] : Sized64(MoreFormat),
    ];

    private ulong Section(List<byte> file, ushort id, byte[] content, string compression)
    {
        ulong offset = (ulong)file.Count;
        bool isCompressed = compression != "none";
        byte[] stored = isCompressed ? Chunk(content, compression) : content;
        file.AddRange([.. U16(id), .. U16(isCompressed ? (ushort)1 : (ushort)0), .. U32(0), .. U64((ulong)stored.Length), .. stored]);
        return offset;
    }

    private byte[] Chunk(byte[] content, string compression)
    {
        byte[] compressed;
        if (compression == "zstd")
        {
            using var compressor = new ZstdSharp.Compressor();
            compressed = compressor.Wrap(content).ToArray();
        }
        else
        {
            using var result = new MemoryStream();
            using (var zlib = new ZLibStream(result, CompressionLevel.Optimal))
            {
                zlib.Write(content);
            }

            compressed = result.ToArray();
        }

        return [.. U32((uint)compressed.Length), .. U32((uint)content.Length), .. compressed];
    }

    private byte[] Sized(string text) => [.. U32((uint)text.Length), .. Encoding.ASCII.GetBytes(text)];

    private byte[] Sized64(string text) => [.. U64((ulong)text.Length), .. Encoding.ASCII.GetBytes(text)];

    public byte[] U16(ushort value) => Bytes(2, bytes => BinaryPrimitives.WriteUInt16BigEndian(bytes, value));

    public byte[] U32(uint value) => Bytes(4, bytes => BinaryPrimitives.WriteUInt32BigEndian(bytes, value));

    public byte[] U64(ulong value) => Bytes(8, bytes => BinaryPrimitives.WriteUInt64BigEndian(bytes, value));

    private byte[] Bytes(int count, Action<byte[]> writeBig)
    {
        byte[] bytes = new byte[count];
        writeBig(bytes);
        if (!_isBig)
        {
            Array.Reverse(bytes);
        }

        return bytes;
    }
}
