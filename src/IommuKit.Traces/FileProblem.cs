namespace IommuKit.Traces;

/// <summary>
/// Says in a few words why a file could not be used. The runtime's own messages repeat the path, which may not be the one that the user gave.
/// </summary>
public static class FileProblem
{
    /// <summary>The words for an exception.</summary>
    /// <param name="exception">An exception of reading or writing a file.</param>
    public static string Describe(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        switch (exception)
        {
            case FileNotFoundException or DirectoryNotFoundException:
                return "there is no such file";
            case UnauthorizedAccessException:
                return "access is denied";
            default:
                // "No space left on device : '/the/path'"
                string message = exception.Message.ReplaceLineEndings(" ");
                int path = message.IndexOf(" : '", StringComparison.Ordinal);
                return (path < 0 ? message : message[..path]).TrimEnd('.');
        }
    }
}
