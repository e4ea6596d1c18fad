using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Costs;

/// <summary>Writes cost vectors in the form that <see cref="CostFile"/> reads.</summary>
public static class CostFileWriter
{
    /// <summary>The text of a cost file.</summary>
    public static string Write(CostVector costs)
    {
        ArgumentNullException.ThrowIfNull(costs);
        var options = new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, options))
        {
            json.WriteStartObject();
            json.WriteString("name", costs.Name);
            json.WriteString("description", costs.Description);
            json.WriteString("unit", costs.Unit);
            json.WriteStartObject("components");
            foreach (var kind in costs.Components.Kinds)
            {
                var component = costs.Components[kind];
                json.WriteStartObject(OperationKinds.NameOf(kind));
                json.WriteNumber("us", component.Us);
                json.WriteString("kind", component.Kind);
                json.WriteString("source", component.Source);
                if (component.WidthUs is { } width)
                {
                    json.WriteNumber("width_us", width);
                }

                json.WriteEndObject();
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray()) + "\n";
    }
}
