using System.Text;

namespace IommuKit.Cli.Invocation;

/// <summary>
/// Where complaints and progress go. If they cannot be written, because the standard error is closed or its disk full, there is nobody to be
/// told: they are lost, and the exit code still says how the command ended.
/// </summary>
internal sealed class Complaints(TextWriter writer) : TextWriter
{
    public override Encoding Encoding => writer.Encoding;

    public override void Write(char value) => Try(() => writer.Write(value));

    public override void Write(char[] buffer, int index, int count) => Try(() => writer.Write(buffer, index, count));

    public override void Write(string? value) => Try(() => writer.Write(value));

    public override void WriteLine(string? value) => Try(() => writer.WriteLine(value));

    public override void Flush() => Try(writer.Flush);

    private static void Try(Action write)
    {
        try
        {
            write();
        }
        catch (IOException)
        {
            // As above.
        }
    }
}
