using System.Text;
using IommuKit.Traces.Dat;
using IommuKit.Traces.Files;
using IommuKit.Traces.Tests.Support;

namespace IommuKit.Traces.Tests;

/// <summary>trace.dat files at the edge of what is read, and what reading one leaves behind.</summary>
public sealed class DatEdgeTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void A_format_as_long_as_formats_may_be_is_read()
    {
        var writer = new DatWriter { MoreFormat = "name: x\nID: 1\n".PadRight(EventFormat.MaxBytes, '\n') };
        writer.Cpus[0].Add(writer.Page(7, 0, 0, writer.Record(0, writer.MapData(0x1000, 0x8000, 4096))));
        File.WriteAllBytes(_path, writer.Version6());
        using var reader = TraceFile.Open(_path, isLenient: false);
        reader.Read(out var map).ShouldBeTrue();
        map.Kind.ShouldBe(TraceEventKind.Map);
        map.Iova.ShouldBe(0x1000ul);
    }

    /// <summary>A program that is killed leaves nothing, because the copy has no name from the start.</summary>
    [Fact]
    public void A_copy_of_an_input_has_no_name()
    {
        using var input = new MemoryStream(Encoding.ASCII.GetBytes("anything"));
        using var copy = SpooledFile.Create(input);
        using var file = copy.File;
        copy.CopyRest(long.MaxValue);
        copy.Problem.ShouldBeNull();
        copy.Length.ShouldBe(8);
        if (!OperatingSystem.IsWindows())
        {
            File.Exists(file.Name).ShouldBeFalse();
        }
    }
}
