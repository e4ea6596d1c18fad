using IommuKit.Lab;

namespace IommuKit.Cli.Output;

/// <summary>Where results go: the standard output, or a file that appears whole or not at all.</summary>
internal sealed class ResultFile : IDisposable
{
    private readonly string? _path;
    private readonly string? _temporary;

    private ResultFile(TextWriter writer, string? path, string? temporary)
    {
        Writer = writer;
        _path = path;
        _temporary = temporary;
    }

    /// <summary>Takes the results.</summary>
    public TextWriter Writer { get; }

    /// <summary>Opens a file beside its final place, or the standard output.</summary>
    public static ResultFile Open(FileInfo? file, TextWriter standardOutput)
    {
        if (file is null)
        {
            return new ResultFile(standardOutput, null, null);
        }

        string temporary = $"{file.FullName}.{Environment.ProcessId}.tmp";
        try
        {
            return new ResultFile(new StreamWriter(temporary), file.FullName, temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"--output {file}: {e.Message}", e);
        }
    }

    /// <summary>Puts the file in its place.</summary>
    public void Commit()
    {
        if (_temporary is null)
        {
            Writer.Flush();
            return;
        }

        Writer.Dispose();
        File.Move(_temporary, _path!, overwrite: true);
    }

    /// <summary>Removes what was not committed.</summary>
    public void Dispose()
    {
        if (_temporary is not null)
        {
            Writer.Dispose();
            File.Delete(_temporary);
        }
    }
}
